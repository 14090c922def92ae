"""Reads the TFRecord files and vocabularies of a prepared data set into flat arrays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf import features
from rrn_tf.checksums import DamagedFileError, read_checked
from rrn_tf.data.arrays import narrowed
from rrn_tf.data.prepared import MEND
from rrn_tf.data.sequence_checks import Bounds, check_lengths, check_values
from rrn_tf.features import Side

_PARSE_BATCH = 256  # sequences: those of items may have a hundred thousand ratings each


def read_side(
    directory: str | Path,
    side: Side,
    spec: dict[str, Any],
    lengths: Callable[[dict[str, tf.RaggedTensor]], dict[str, tf.Tensor]],
    ids: npt.NDArray[np.object_],
    types: Mapping[str, type[np.generic]],
    single: Collection[str],
    bounds: Bounds,
    values: int = 0,
    *,
    held: npt.NDArray[np.bool_] | None = None,
    inspect: Callable[[int, dict[str, npt.NDArray[Any]]], None] = lambda first, arrays: None,
) -> dict[str, npt.NDArray[Any]]:
    """Reads all sequences of a side.

    Args:
      directory: holds the files, there or one folder below.
      side: the side to read.
      spec: feature lists to parse (see `rrn_tf.features`).
      lengths: computes further arrays, by name, from the parsed lists of some sequences.
      ids: object[E], the expected entities in order of index, from 1.
      types: by name, the type in which an array is stored, where it is not the one of the files (int64, float32);
        int32 becomes int64 if a value does not fit.
      single: the lists with one value for each step.
      bounds: as in `rrn_tf.data.sequence_checks.check_values`.
      values: expected number of values of the longest lists; others grow as they are read.
      held: bool[E + 1], the entities of which the lists with several values for each step are kept; by default all.
      inspect: called with the first entity of every few and what was read of these, before any of it is dropped.

    Returns:
      The flat values of each feature list, and the arrays of `lengths`, by name.

    Raises:
      FileNotFoundError: if there is no such file.
      DamagedFileError: if a file is damaged, which its own checksums tell, or holds anything else than is prepared:
        other lists or types, values out of bounds, or not the sequences of all entities in order.
    """
    files = sorted(str(path) for path in Path(directory).rglob(f"{side.sequences}-*"))
    if not files:
        raise FileNotFoundError(f"{directory}: expected {side.sequences} files, found none")
    where, done = f"{directory}: {side.sequences}", 0
    columns: dict[str, _Column] = {}
    for records in _records(files, directory):
        context, lists = _parsed(where, records, spec)
        check_lengths(where, lists, single)
        index = context[features.ENTITY_INDEX].numpy()
        named = np.array([name.encode() for name in ids[done : done + len(index)]], object)
        begin, done = done, done + len(index)
        same = np.array_equal(context[features.ENTITY_ID].numpy(), named)
        if not same or not np.array_equal(index, np.arange(begin + 1, done + 1)):
            raise DamagedFileError(
                f"{where}: expected those of the {len(ids)} {side.value}s in order, found others: {MEND}"
            )
        for name, ragged in lists.items():
            check_values(where, name, ragged.flat_values.numpy(), bounds)
        tensors = {name: ragged.flat_values for name, ragged in lists.items()} | lengths(lists)
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        inspect(begin + 1, arrays)
        if held is not None:
            for name in lists.keys() - set(single):
                splits = lists[name].values.row_splits.numpy()[lists[name].row_splits.numpy()]
                arrays[name] = arrays[name][np.repeat(held[begin + 1 : done + 1], np.diff(splits))]
        for name, found in arrays.items():
            if name not in columns:
                columns[name] = _Column(types.get(name, found.dtype), values)
            columns[name].add(found)
    if done != len(ids):
        raise DamagedFileError(f"{where}: expected those of {len(ids)} {side.value}s, found {done}: {MEND}")
    return {name: column.values for name, column in columns.items()}


def _parsed(
    where: str, records: tf.Tensor, spec: dict[str, Any]
) -> tuple[dict[str, tf.Tensor], dict[str, tf.RaggedTensor]]:
    """Parses serialized sequences string[N] into their context and their lists."""
    try:
        context, lists, _ = tf.io.parse_sequence_example(records, features.sequence_context_spec(), spec)
    except (tf.errors.InvalidArgumentError, UnicodeDecodeError) as error:
        # The latter where TensorFlow's message quotes what Python cannot decode.
        raise DamagedFileError(f"{where}: expected the features of rrn_tf, found others: {MEND}") from error
    return context, lists


class _Column:
    """An array that is read part by part into one piece of memory, of which the system gives only what is written.

    Args:
      kind: type of the values; parts are converted to it, or int32 to int64 if a part does not fit.
      room: number of values that are expected; if there are more, they are copied to twice as much room.
    """

    def __init__(self, kind: npt.DTypeLike, room: int) -> None:
        self._whole = np.empty(room, kind)
        self._used = 0

    @property
    def values(self) -> npt.NDArray[Any]:
        return self._whole[: self._used]

    def add(self, part: npt.NDArray[Any]) -> None:
        if self._whole.dtype == np.int32 and narrowed(part).dtype == np.int64:
            self._whole = self._whole.astype(np.int64)
        end = self._used + len(part)
        if end > len(self._whole):
            larger = np.empty(2 * end, self._whole.dtype)
            larger[: self._used] = self.values
            self._whole = larger
        self._whole[self._used : end] = part
        self._used = end


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


def read_vocabulary(directory: str | Path, side: Side, entities: int | None = None) -> npt.NDArray[np.object_]:
    """Reads the ids of a side in order of index, from 1: object[entities].

    Args:
      directory: holds the file.
      side: the side.
      entities: the expected number of ids, if it is known.

    Raises:
      DamagedFileError: if they are not those that were written.
    """
    path = Path(directory, side.vocabulary_file)
    ids = np.array(read_checked(path, MEND).split("\n")[:-1], dtype=object)
    if entities is not None and len(ids) != entities:
        raise DamagedFileError(f"{path}: expected {entities} ids, found {len(ids)}: {MEND}")
    return ids
