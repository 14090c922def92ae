"""Finds duplicate rows, which repeat user, item and timestamp of an earlier row, and counts other rows' timestamps.

Only 20 bytes of each row are shuffled: a 64-bit hash of user, item and timestamp, the timestamp and the line. Rows
are duplicates if both hash and timestamp are equal; a hash collision of two different ratings of one second is not
to be expected in 10**9 ratings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam import pvalue

from rrn_tf import features
from rrn_tf.beam.blocks import BlockStore, StoredBlock, loaded
from rrn_tf.beam.keyed import KEYED
from rrn_tf.beam.splitting.row_hash import Hashes, hash_rows
from rrn_tf.data.reading import record_batches

LATER = "later"
_SHARD_BITS = 3


class RowKeys(NamedTuple):
    """The keys by which N rows of one file are compared.

    Attributes:
      hashes: uint64[N], hash of user, item and timestamp.
      timestamp: int64[N], unix seconds.
      line: uint32[N], line of each row less `first_line`.
      first_line: first line of these rows in the file.
      file: path of the file.
      held_out: whether the rows are from the explicit validation source.
    """

    hashes: Hashes
    timestamp: npt.NDArray[np.int64]
    line: npt.NDArray[np.uint32]
    first_line: int
    file: str
    held_out: bool


class LaterRows(NamedTuple):
    """Duplicate rows of one file, which are to be dropped.

    Attributes:
      file: path of the file.
      line: int64[K], lines of the duplicates, ascending.
      first: string[K], ``file:line`` of the row that each of them repeats, which is kept.
    """

    file: str
    line: npt.NDArray[np.int64]
    first: pa.Array

    def among(self, line: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], pa.Array]:
        """Finds the positions in `line` of rows to drop, and ``file:line`` of the rows that they repeat."""
        place = np.minimum(np.searchsorted(self.line, line), len(self.line) - 1)
        found = np.flatnonzero(self.line[place] == line)
        return found, self.first.take(pa.array(place[found]))


TimeCounts = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


class FindDuplicates(beam.PTransform):
    """Finds rows to drop; of equal rows the first by (held out, file, line) is kept.

    Args:
      store: keeps keys and times between stages.

    Input: batches with `file` and `line`, and optionally `held_out`.

    Output: `TimeCounts` of the rows that are kept and not held out (distinct timestamps, ascending, and how often each
    occurs), kept in the store, and, under the tag `LATER`, `LaterRows`.
    """

    def __init__(self, store: BlockStore) -> None:
        super().__init__()
        self._store = store

    def expand(self, ratings: beam.PCollection) -> Any:
        return (
            ratings
            | "Keys" >> beam.FlatMap(_keys_by_shard, self._store).with_output_types(KEYED)
            | "ToShards" >> beam.GroupByKey()
            | "Compare" >> beam.ParDo(_Compare(self._store)).with_outputs(LATER, main="times")
        )


def _keys_by_shard(batch: pa.RecordBatch, store: BlockStore) -> Iterator[tuple[int, RowKeys | StoredBlock]]:
    hashes = hash_rows(batch)
    line = record_batches.numbers(batch, record_batches.LINE)
    timestamp = record_batches.numbers(batch, features.TIMESTAMP)
    held_out = record_batches.HELD_OUT in batch.schema.names and bool(
        record_batches.numbers(batch, record_batches.HELD_OUT)[0]
    )
    first_line, file = int(line.min()), record_batches.file_of(batch)
    offset = (line - first_line).astype(np.uint32)
    shard = (hashes >> np.uint64(64 - _SHARD_BITS)).astype(np.uint8)
    for number in range(1 << _SHARD_BITS):
        rows = np.flatnonzero(shard == number)
        if len(rows):
            keys = RowKeys(hashes[rows], timestamp[rows], offset[rows], first_line, file, held_out)
            yield number, store.keep(keys)


class _Compare(beam.DoFn):
    """Compares the rows of one shard."""

    def __init__(self, store: BlockStore) -> None:
        self._store = store

    def process(self, element: tuple[int, Iterable[RowKeys | StoredBlock]]) -> Iterator[Any]:
        parts = sorted(map(loaded, element[1]), key=lambda part: (part.held_out, part.file.encode(), part.first_line))
        hashes = np.concatenate([part.hashes for part in parts])
        timestamp = np.concatenate([part.timestamp for part in parts])
        train = np.repeat([not part.held_out for part in parts], [len(part.hashes) for part in parts])
        in_order = np.sort(hashes)
        if (in_order[1:] == in_order[:-1]).any():
            later, first = _repeats(hashes, timestamp)
            train[later] = False
            yield from _places(parts, later, first)
        yield self._store.keep(np.unique(timestamp[train], return_counts=True))


def _repeats(hashes: Hashes, timestamp: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Finds the positions of rows that repeat an earlier row, and of the first row equal to each."""
    order = np.lexsort((timestamp, hashes))  # stable
    same = (hashes[order[1:]] == hashes[order[:-1]]) & (timestamp[order[1:]] == timestamp[order[:-1]])
    starts = np.concatenate([[0], np.flatnonzero(~same) + 1])
    later = np.flatnonzero(same) + 1
    return order[later], order[starts[np.searchsorted(starts, later, side="right") - 1]]


def _places(
    parts: list[RowKeys], later: npt.NDArray[np.int64], first: npt.NDArray[np.int64]
) -> Iterator[pvalue.TaggedOutput]:
    """Yields `LaterRows` for each pair of parts with equal rows."""
    starts = np.cumsum([0, *(len(part.hashes) for part in parts)])
    line = np.concatenate([part.first_line + part.line.astype(np.int64) for part in parts])
    pairs = np.stack([np.searchsorted(starts, rows, side="right") - 1 for rows in (later, first)])
    for own, other in np.unique(pairs, axis=1).T.tolist():
        mine = np.flatnonzero((pairs[0] == own) & (pairs[1] == other))
        stays = pa.array(line[first[mine]]).cast(pa.string())
        place = pc.binary_join_element_wise(f"{parts[other].file}:", stays, "")
        yield pvalue.TaggedOutput(LATER, LaterRows(parts[own].file, line[later[mine]], place))


def merge_later_rows(parts: Iterable[LaterRows]) -> dict[str, LaterRows]:
    """Merges all rows to drop by file."""
    by_file: dict[str, list[LaterRows]] = {}
    for part in parts:
        by_file.setdefault(part.file, []).append(part)
    merged = {}
    for file, found in by_file.items():
        line = np.concatenate([part.line for part in found])
        order = np.argsort(line)
        first = pa.concat_arrays([part.first for part in found]).take(pa.array(order))
        merged[file] = LaterRows(file, line[order], first)
    return merged
