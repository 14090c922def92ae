"""A 64-bit hash of (user_id, item_id, timestamp) that is the same in any order of rows, file and run."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pandas.util import hash_array

from rrn_tf import features
from rrn_tf.data.reading import record_batches

Hashes = npt.NDArray[np.uint64]


def hash_rows(batch: pa.RecordBatch, seed: int = 0) -> Hashes:
    """Hashes the rows of a batch.

    Args:
      batch: rows with user_id, item_id and timestamp.
      seed: another seed gives an unrelated hash.

    Returns:
      uint64[rows].
    """
    user, item = (_hash_ids(batch, name) for name in (features.USER_ID, features.ITEM_ID))
    timestamp = record_batches.numbers(batch, features.TIMESTAMP).view(np.uint64)
    # Mixing between the parts makes the hash depend on their order.
    mixed = mix(user + np.uint64(seed))
    return mix(mix(mixed ^ item) ^ timestamp)


def mix(values: Hashes) -> Hashes:
    """Applies the finalizer of splitmix64, in which every input bit affects every output bit.

    Reference: Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014.
    """
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _hash_ids(batch: pa.RecordBatch, name: str) -> Hashes:
    codes, values = record_batches.ids(batch, name)
    # A slice of a larger batch still has the dictionary of all of its ids.
    used = np.flatnonzero(np.bincount(codes, minlength=len(values)))
    hashes = np.empty(len(values), np.uint64)
    hashes[used] = hash_array(values.take(pa.array(used)).to_numpy(zero_copy_only=False), categorize=False)
    return hashes[codes]
