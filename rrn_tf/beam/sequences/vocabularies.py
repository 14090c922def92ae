"""Counts the training ratings of every id, which gives vocabularies and user activity in one pass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystems import FileSystems

from rrn_tf import features
from rrn_tf.beam.reading.files import replacing
from rrn_tf.data.reading import record_batches
from rrn_tf.features import Side, Split

_COMPACT = 2_000_000  # ids that accumulate before parts are merged


class IdCounts(NamedTuple):
    """Distinct ids, each with a count.

    Attributes:
      ids: string[E], the ids.
      counts: int64[E], number of training ratings, or of events, of each id.
    """

    ids: pa.Array
    counts: npt.NDArray[np.int64]

    def of(self, wanted: pa.Array) -> npt.NDArray[np.int64]:
        """Looks up the counts of some ids, 0 for those that do not occur: int64[wanted]."""
        return np.append(self.counts, 0)[self.places_of(wanted)]

    def places_of(self, wanted: pa.Array) -> npt.NDArray[np.integer]:
        """Looks up the places of some ids, from 0, and -1 for those that do not occur: int[wanted]."""
        if len(self.ids) <= len(wanted):
            return _places(wanted, self.ids)
        # A table of the fewer ids is built in less time; all batches together would build that of all ids often.
        places = _places(self.ids, wanted)
        known = np.flatnonzero(places >= 0)
        found = np.full(len(wanted), -1)
        found[places[known]] = known
        return found[_places(wanted, wanted)]  # an id may be wanted twice

    @property
    def trained(self) -> int:
        """Number of ids with a training rating."""
        return int(np.count_nonzero(self.counts))


class CombineCounts(beam.CombineFn):
    """Adds up the `IdCounts` of batches into one with distinct ids, in no particular order."""

    def create_accumulator(self) -> list[IdCounts]:
        return []

    def add_input(self, accumulator: list[IdCounts], element: IdCounts) -> list[IdCounts]:
        accumulator.append(element)
        return _merged(accumulator) if sum(len(part.ids) for part in accumulator) > _COMPACT else accumulator

    def merge_accumulators(self, accumulators: Iterable[list[IdCounts]]) -> list[IdCounts]:
        return _merged([part for accumulator in accumulators for part in accumulator])

    def extract_output(self, accumulator: list[IdCounts]) -> IdCounts:
        return _merged(accumulator)[0]


def count_ids(batch: pa.RecordBatch, side_column: str, training: npt.NDArray[np.bool_]) -> IdCounts:
    """Counts the training ratings of each id that occurs in a batch.

    Args:
      batch: ratings.
      side_column: name of the id column.
      training: bool[rows], whether each rating is for training.
    """
    codes, values = record_batches.ids(batch, side_column)
    used = np.flatnonzero(np.bincount(codes, minlength=len(values)))
    return IdCounts(values.take(pa.array(used)), np.bincount(codes[training], minlength=len(values))[used])


def count_training(batch: pa.RecordBatch, side_column: str) -> IdCounts:
    """Counts the training ratings of each id in a batch that has a `split` column."""
    return count_ids(batch, side_column, record_batches.numbers(batch, features.SPLIT) == Split.TRAIN)


def frequent(counted: IdCounts, minimum: int) -> IdCounts:
    """Returns the ids with at least the minimum count, sorted by their bytes."""
    often = np.flatnonzero(counted.counts >= minimum)
    return indexed(IdCounts(counted.ids.take(pa.array(often)), counted.counts[often]))


def indexed(counted: IdCounts) -> IdCounts:
    """Sorts ids into vocabulary order: first those with training ratings, by their bytes, then the others.

    An id's position in this order, from 1, is its index; so held-out ratings do not change the index of a trained id.
    """
    order = pc.sort_indices(counted.ids).to_numpy()
    trained = counted.counts[order] > 0
    order = np.concatenate([order[trained], order[~trained]])
    return IdCounts(counted.ids.take(pa.array(order)), counted.counts[order])


def write_vocabulary(directory: str, side: Side, ids: pa.Array) -> None:
    """Writes a side's vocabulary file with one id on each line, in order of the index."""
    with replacing(FileSystems.join(directory, side.vocabulary_file)) as file:
        file.write("".join(f"{entity}\n" for entity in ids.to_pylist()).encode())


def _places(wanted: pa.Array, among: pa.Array) -> npt.NDArray[np.integer]:
    places: npt.NDArray[np.integer] = pc.index_in(wanted, value_set=among).fill_null(-1).to_numpy(zero_copy_only=False)
    return places


def _merged(parts: list[IdCounts]) -> list[IdCounts]:
    if not parts:
        return [IdCounts(pa.array([], pa.string()), np.empty(0, np.int64))]
    encoded = pa.concat_arrays([part.ids for part in parts]).dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    # Sums of counts below 2**53 are exact as float64 weights.
    counts = np.bincount(codes, np.concatenate([part.counts for part in parts]), len(encoded.dictionary))
    return [IdCounts(encoded.dictionary, counts.astype(np.int64))]
