"""Drops all but the first row of one user, item and timestamp.

Only hashes of eight bytes a row are shuffled. Rows whose hash occurs twice, usually few, are then compared in full.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam import pvalue

from rrn_tf import features
from rrn_tf.beam import batches
from rrn_tf.beam.dead_letters import count_in_metrics, rejected_batch
from rrn_tf.beam.row_hash import Hashes, hash_rows

KEPT, REJECTED = "kept", "rejected"
_SHARDS = 8
_NONE = np.empty(0, np.uint64)
_KEY = [features.USER_ID, features.ITEM_ID, features.TIMESTAMP]


class DropDuplicates(beam.PTransform):  # type: ignore[misc]
    """Keeps the first row, by (held out, file, line), of those with one user, item and timestamp.

    Input: batches with `file` and `line`, and perhaps `held_out`.

    Output: dictionary of ``kept`` batches and ``rejected`` ones (reason ``duplicate``, naming the first row's place).
    """

    def expand(self, ratings: beam.PCollection) -> dict[str, beam.PCollection]:
        repeated = (
            ratings
            | "Hash" >> beam.FlatMap(_hashes_by_shard)
            | "ToShards" >> beam.GroupByKey()
            | "Repeated" >> beam.MapTuple(lambda _, parts: _repeated(list(parts)))
            | "Collect" >> beam.CombineGlobally(_Concatenate())
        )
        later = (
            ratings
            | "Suspects" >> beam.FlatMap(_suspects, pvalue.AsSingleton(repeated))
            | "ToGroups" >> beam.GroupByKey()
            | "Compare" >> beam.FlatMapTuple(lambda _, parts: _later_rows(list(parts)))
        )
        places = later | "Places" >> beam.Map(lambda found: (found.column(0)[0].as_py(), _lines(found)))
        return {
            KEPT: ratings | "Drop" >> beam.FlatMap(_without, pvalue.AsList(places)),
            REJECTED: later | "Count" >> beam.Map(count_in_metrics),
        }


def _hashes_by_shard(batch: pa.RecordBatch) -> Iterator[tuple[int, Hashes]]:
    hashes = np.sort(hash_rows(batch))
    bounds = np.searchsorted(hashes, np.arange(1, _SHARDS, dtype=np.uint64) * np.uint64(2**64 // _SHARDS))
    return ((shard, part.copy()) for shard, part in enumerate(np.split(hashes, bounds)) if len(part))


def _repeated(parts: list[Hashes]) -> Hashes:
    hashes = np.sort(np.concatenate(parts))
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])


class _Concatenate(beam.CombineFn):  # type: ignore[misc]
    """Hashes of all shards, sorted."""

    def create_accumulator(self) -> list[Hashes]:
        return []

    def add_input(self, accumulator: list[Hashes], element: Hashes) -> list[Hashes]:
        return [*accumulator, element]

    def merge_accumulators(self, accumulators: Iterable[list[Hashes]]) -> list[Hashes]:
        return [part for accumulator in accumulators for part in accumulator]

    def extract_output(self, accumulator: list[Hashes]) -> Hashes:
        return np.sort(np.concatenate([_NONE, *accumulator]))


def _suspects(batch: pa.RecordBatch, repeated: Hashes) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Rows with a repeated hash, as plain text columns, by group of hashes."""
    if not len(repeated):
        return
    hashes = hash_rows(batch)
    place = np.minimum(np.searchsorted(repeated, hashes), len(repeated) - 1)
    found = np.flatnonzero(repeated[place] == hashes)
    if not len(found):
        return
    groups = hashes[found] % np.uint64(_SHARDS)
    for group in np.unique(groups).tolist():
        yield int(group), batches.take(batch, found[groups == group])


def _later_rows(parts: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rejected batches, one a file."""
    table = pa.Table.from_batches([_plain(part) for part in parts])
    held_out = [(batches.HELD_OUT, "ascending")] if batches.HELD_OUT in table.column_names else []
    order = [*held_out, (batches.FILE, "ascending"), (batches.LINE, "ascending")]
    table = table.take(pc.sort_indices(table, [*((name, "ascending") for name in _KEY), *order]))
    same = np.ones(max(table.num_rows - 1, 0), bool)
    for name in _KEY:
        column = table[name].combine_chunks()
        same &= pc.equal(column.slice(1), column.slice(0, len(column) - 1)).to_numpy(zero_copy_only=False)
    later = np.flatnonzero(same) + 1
    if not len(later):
        return
    starts = np.concatenate([[0], np.flatnonzero(~same) + 1])
    first = starts[np.searchsorted(starts, later, side="right") - 1]
    rows, origins = table.take(pa.array(later)), table.take(pa.array(first))
    text = [
        f"same user, item and timestamp as {file}:{line}"
        for file, line in zip(origins[batches.FILE].to_pylist(), origins[batches.LINE].to_pylist())
    ]
    row = batches.texts(rows)
    files = np.array(rows[batches.FILE].to_pylist(), object)
    lines = rows[batches.LINE].to_numpy()
    for file in sorted(set(files.tolist())):
        mine = np.flatnonzero(files == file).tolist()
        yield rejected_batch(
            file, lines[mine], ["duplicate"] * len(mine), [text[k] for k in mine], [row[k] for k in mine]
        )


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Dictionary columns decoded: dictionaries of several batches do not compare."""
    columns = [c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _lines(rejected: pa.RecordBatch) -> npt.NDArray[np.int64]:
    return rejected.column(1).to_numpy(zero_copy_only=False).copy()


def _without(batch: pa.RecordBatch, places: list[tuple[str, npt.NDArray[np.int64]]]) -> Iterator[pa.RecordBatch]:
    """The batch without the rows at some (file, lines)."""
    if not places:
        yield batch
        return
    codes, files = batches.ids(batch, batches.FILE)
    line = batches.numbers(batch, batches.LINE)
    keep = np.ones(batch.num_rows, bool)
    for code, file in enumerate(files.to_pylist()):
        here = [lines for other, lines in places if other == file]
        if here:
            keep &= (codes != code) | ~np.isin(line, np.concatenate(here))
    if keep.any():
        yield batches.take(batch, keep) if not keep.all() else batch
