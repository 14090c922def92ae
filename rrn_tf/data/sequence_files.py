"""Reads the TFRecord files and vocabularies of a prepared data set into flat arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf import features
from rrn_tf.checksums import DamagedFileError, read_checked
from rrn_tf.data.prepared import MEND
from rrn_tf.features import Side

_PARSE_BATCH = 256  # sequences: those of items may have a hundred thousand ratings each


def read_side(
    directory: str | Path,
    side: Side,
    spec: dict[str, Any],
    lengths: Callable[[dict[str, tf.RaggedTensor]], dict[str, tf.Tensor]],
    entities: int,
    types: Mapping[str, type[np.generic]] = MappingProxyType({}),
) -> dict[str, npt.NDArray[Any]]:
    """Reads all sequences of a side.

    Args:
      directory: holds the files, there or one folder below.
      side: the side to read.
      spec: feature lists to parse (see `rrn_tf.features`).
      lengths: computes further arrays, by name, from the parsed lists of some sequences.
      entities: expected number of sequences.
      types: by name, the type in which an array is stored, where it is not the one of the files (int64, float32).

    Returns:
      The flat values of each feature list, and the arrays of `lengths`, by name.

    Raises:
      FileNotFoundError: if there is no such file.
      DamagedFileError: if a file is damaged, which its own checksums tell.
      ValueError: if the sequences are not those of entities 1, 2, …
    """
    files = sorted(str(path) for path in Path(directory).rglob(f"{side.sequences}-*"))
    if not files:
        raise FileNotFoundError(f"{directory}: expected {side.sequences} files, found none")
    parts: dict[str, list[npt.NDArray[Any]]] = {}
    for records in _records(files, directory):
        context, lists, _ = tf.io.parse_sequence_example(records, features.sequence_context_spec(), spec)
        kept = {features.ENTITY_INDEX: context[features.ENTITY_INDEX], **lengths(lists)}
        kept |= {name: ragged.flat_values for name, ragged in lists.items()}
        for name, values in kept.items():
            parts.setdefault(name, []).append(_stored(values.numpy(), types.get(name)))
    # Parts are dropped one column after another, so that only one column is in memory twice.
    flat = {name: np.concatenate(parts.pop(name)) for name in list(parts)}
    if not np.array_equal(flat[features.ENTITY_INDEX], np.arange(1, entities + 1)):
        raise ValueError(
            f"{directory}: expected {side.sequences} of entities 1..{entities} in order, found others: {MEND}"
        )
    return flat


def _records(files: list[str], directory: str | Path) -> Iterator[tf.Tensor]:
    """Yields the serialized sequences of files, string[N] at a time."""
    try:
        yield from tf.data.TFRecordDataset(files).batch(_PARSE_BATCH).prefetch(1)
    except tf.errors.DataLossError as error:
        wrong = next((file for file in files if not _whole(file)), str(directory))
        raise DamagedFileError(f"{wrong}: the file is damaged: {MEND}") from error


def _whole(file: str) -> bool:
    """Returns whether all records of a file can be read."""
    try:
        for _ in tf.data.TFRecordDataset(file).batch(_PARSE_BATCH):
            pass
    except tf.errors.DataLossError:
        return False
    return True


def _stored(values: npt.NDArray[Any], kind: type[np.generic] | None) -> npt.NDArray[Any]:
    return values if kind is None else values.astype(kind, copy=False)


def read_vocabulary(directory: str | Path, side: Side) -> npt.NDArray[np.object_]:
    """Reads the ids of a side in order of index, from 1: object[entities].

    Raises:
      DamagedFileError: if they are not those that were written.
    """
    text = read_checked(Path(directory, side.vocabulary_file), MEND)
    return np.array(text.split("\n")[:-1], dtype=object)
