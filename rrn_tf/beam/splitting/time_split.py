"""Splits ratings by time: training before the cutoff; a hash divides later ones into validation and test."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam import pvalue

from rrn_tf import features
from rrn_tf.beam.blocks import BlockStore, StoredBlock, loaded
from rrn_tf.beam.reading.dead_letters import count_in_metrics
from rrn_tf.beam.sequences.vocabularies import CombineCounts, IdCounts, count_ids
from rrn_tf.beam.splitting.duplicates import LATER, FindDuplicates, LaterRows, TimeCounts, merge_later_rows
from rrn_tf.beam.splitting.row_hash import hash_rows
from rrn_tf.config import SplitConfig
from rrn_tf.data.reading import record_batches
from rrn_tf.data.reading.rejected import rejected_batch
from rrn_tf.data.rows import segment_starts
from rrn_tf.features import SIDES, Split

RATINGS, REJECTED, CUTOFF, HELD_OUT = "ratings", "rejected", "cutoff", "held_out"
_SPAN_BITS = 14  # times of 2**14 seconds are counted together
_KeptTimes = TimeCounts | StoredBlock
# Makes the hash that divides later ratings independent of the one that finds duplicates.
_SALT = 1


class SplitByTime(beam.PTransform):
    """Rejects duplicates and assigns a split to each rating.

    The cutoff is the configured one, or one second after the training quantile of all timestamps. Earlier ratings are
    for training; one half of the later ones is for validation, the other for test. If validation ratings are given
    separately, all others are for training; the cutoff is one second after the last of those unless configured, and
    ratings of either kind on the wrong side of it are rejected. With `drop_unseen`, later ratings of a user or item
    without training ratings are assigned to `VALID_COLD` or `TEST_COLD`.

    Args:
      config: settings of the split.
      store: keeps ratings between stages.

    Input: batches of `record_batches.RATINGS`, or a dictionary of two such PCollections: ``ratings`` and
    ``held_out``.

    Output: dictionary of PCollections: ``ratings`` (batches with `split`, uint8, and `user_activity`, int64: number of
    training ratings of the user; without `file` and `line`), ``rejected`` (batches) and ``cutoff`` (a singleton, unix
    seconds; 0 without training ratings).
    """

    def __init__(self, config: SplitConfig, store: BlockStore | None = None) -> None:
        super().__init__()
        self._config = config
        self._store = store or BlockStore()

    def expand(self, inputs: beam.PCollection | dict[str, beam.PCollection]) -> dict[str, beam.PCollection]:
        ratings, held_out = (inputs[RATINGS], inputs.get(HELD_OUT)) if isinstance(inputs, dict) else (inputs, None)
        if held_out is not None:
            ratings = (
                ratings | "MarkRatings" >> beam.Map(_marked, False),
                held_out | "MarkHeldOut" >> beam.Map(_marked, True),
            ) | "Both" >> beam.Flatten()
        found = ratings | "FindDuplicates" >> FindDuplicates(self._store)
        kept = ratings | "Keep" >> beam.Map(self._store.keep)
        cutoff = found.times | "Quantile" >> beam.CombineGlobally(CutoffFn(self._config, held_out is not None))
        later = (
            ratings.pipeline
            | "One" >> beam.Create([None])
            | "Duplicates" >> beam.Map(lambda _, parts: merge_later_rows(parts), pvalue.AsList(found[LATER]))
        )
        cut = (pvalue.AsSingleton(cutoff), pvalue.AsSingleton(later))
        tags = [side.value for side in SIDES]
        counted = kept | "Count" >> beam.ParDo(_CountTraining(), *cut).with_outputs(REJECTED, *tags)
        totals = [
            pvalue.AsSingleton(counted[tag] | f"Add_{tag}s" >> beam.CombineGlobally(CombineCounts())) for tag in tags
        ]
        return {
            RATINGS: kept | "Assign" >> beam.FlatMap(_assigned, self._config, *cut, *totals),
            REJECTED: counted[REJECTED],
            CUTOFF: cutoff,
        }


class CutoffFn(beam.CombineFn):
    """Computes the exact cutoff from distinct timestamps and how often each occurs.

    Args:
      config: settings of the split.
      all_training: whether all of these ratings are for training.
    """

    def __init__(self, config: SplitConfig, all_training: bool) -> None:
        self._given = config.cutoff_seconds
        # A fraction of the decimal as written: 0.55 of 100 ratings are 55, not 55.000000000000004.
        self._fraction = Fraction(1) if all_training else Fraction(str(config.train_fraction))

    def create_accumulator(self) -> list[_KeptTimes]:
        return []

    def add_input(self, accumulator: list[_KeptTimes], element: _KeptTimes) -> list[_KeptTimes]:
        return [*accumulator, element]

    def merge_accumulators(self, accumulators: Iterable[list[_KeptTimes]]) -> list[_KeptTimes]:
        return [part for accumulator in accumulators for part in accumulator]

    def extract_output(self, accumulator: list[_KeptTimes]) -> int:
        if self._given is not None:
            return self._given
        # Spans of time are counted first, so that no more than one is in memory second by second.
        spans, upto = _added_up([_spans(*loaded(part)) for part in accumulator])
        if not len(spans):
            return 0
        last = math.ceil(self._fraction * int(upto[-1]))
        found = int(np.searchsorted(upto, last))
        before = int(upto[found - 1]) if found else 0
        times, upto = _added_up([_within(int(spans[found]), *loaded(part)) for part in accumulator])
        return int(times[np.searchsorted(upto, last - before)]) + 1


def _spans(times: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> TimeCounts:
    """Adds up the counts of ascending times by spans of some hours, which are numbered: the same for spans."""
    span = times >> _SPAN_BITS
    first = segment_starts(span)
    return span[first], np.diff(np.append(0, np.cumsum(counts))[np.append(first, len(times))])


def _within(span: int, times: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> TimeCounts:
    """Selects the times of one span, and their counts."""
    here = slice(*np.searchsorted(times, [span << _SPAN_BITS, (span + 1) << _SPAN_BITS]))
    return times[here], counts[here]


def _added_up(parts: list[TimeCounts]) -> TimeCounts:
    """Returns the distinct times of all parts, ascending, and the number of ratings up to each."""
    none = np.empty(0, np.int64)
    times, counts = (np.concatenate([none, *column]) for column in zip((none, none), *parts))
    order = np.argsort(times)
    times, upto = times[order], np.cumsum(counts[order])
    last = np.append(times[1:] != times[:-1], np.ones(min(len(times), 1), bool))
    return times[last], upto[last]


class _CountTraining(beam.DoFn):
    """Counts the training ratings of a batch's users and items, and yields its rejected rows."""

    def process(self, kept: pa.RecordBatch | StoredBlock, cutoff: int, later: dict[str, LaterRows]) -> Iterator[Any]:
        batch = loaded(kept)
        keep, rejected = select(batch, cutoff, later)
        for part in rejected:
            yield pvalue.TaggedOutput(REJECTED, count_in_metrics(part))
        if rejected:
            batch = record_batches.take(batch, keep)
        training = record_batches.numbers(batch, features.TIMESTAMP) < cutoff
        for side in SIDES:
            yield pvalue.TaggedOutput(side.value, count_ids(batch, side.id_feature, training))


def select(
    batch: pa.RecordBatch, cutoff: int, later: dict[str, LaterRows]
) -> tuple[npt.NDArray[np.bool_], list[pa.RecordBatch]]:
    """Selects the rows of a batch to use, and rejects duplicates and rows on the wrong side of the cutoff.

    Args:
      batch: rows of one file; with a column `held_out`, held-out rows should be at or after the cutoff and others
        before it.
      cutoff: unix seconds.
      later: duplicates by file.

    Returns:
      keep: bool[rows], whether to use each row.
      rejected: the other rows, in one batch for each reason.
    """
    file, line = record_batches.file_of(batch), record_batches.numbers(batch, record_batches.LINE)
    keep = np.ones(batch.num_rows, bool)
    rejected = []

    def reject(rows: npt.NDArray[np.int64], reason: str, problem: pa.Array) -> None:
        keep[rows] = False
        if len(rows):
            text = record_batches.texts(record_batches.take(batch, rows))
            rejected.append(rejected_batch(file, line[rows], reason, problem, text))

    if file in later:
        rows, stays = later[file].among(line)
        reject(rows, "duplicate", pc.binary_join_element_wise("same user, item and timestamp as ", stays, ""))
    if record_batches.HELD_OUT in batch.schema.names:
        time, held_out = (
            record_batches.numbers(batch, features.TIMESTAMP),
            bool(record_batches.numbers(batch, record_batches.HELD_OUT)[0]),
        )
        rows = np.flatnonzero(keep & (held_out == (time < cutoff)))
        what, where = ("validation", "is before") if held_out else ("training", "is not before")
        found = pa.array(time[rows]).cast(pa.string())
        problem = pc.binary_join_element_wise(f"{what} timestamp ", found, f" {where} the cutoff {cutoff}", "")
        reject(rows, "before_cutoff" if held_out else "after_cutoff", problem)
    return keep, rejected


def assign_splits(
    batch: pa.RecordBatch, config: SplitConfig, cutoff: int, users: IdCounts, items: IdCounts
) -> pa.RecordBatch:
    """Adds the columns `split` and `user_activity` to a batch, and removes those that only the split needs.

    Args:
      batch: ratings; with a column `held_out`, later ones are all for validation.
      config: settings of the split.
      cutoff: unix seconds.
      users, items: number of training ratings of each id.
    """
    activity, item_activity = (_counts(batch, side.id_feature, totals) for side, totals in zip(SIDES, (users, items)))
    later = record_batches.numbers(batch, features.TIMESTAMP) >= cutoff
    split = np.where(later, np.uint8(Split.VALID), np.uint8(Split.TRAIN))
    if record_batches.HELD_OUT not in batch.schema.names:
        rows = np.flatnonzero(later)
        test = hash_rows(record_batches.take(batch, rows), config.seed + _SALT) >> np.uint64(63) == 1
        split[rows[test]] = Split.TEST
    if config.drop_unseen:
        cold = later & ((activity == 0) | (item_activity == 0))
        split[cold] = np.where(split[cold] == Split.VALID, np.uint8(Split.VALID_COLD), np.uint8(Split.TEST_COLD))
    batch = record_batches.without(batch, record_batches.FILE, record_batches.LINE, record_batches.HELD_OUT)
    batch = record_batches.with_column(batch, features.SPLIT, split)
    return record_batches.with_column(batch, features.USER_ACTIVITY, activity)


def _assigned(
    kept: pa.RecordBatch | StoredBlock,
    config: SplitConfig,
    cutoff: int,
    later: dict[str, LaterRows],
    users: IdCounts,
    items: IdCounts,
) -> Iterator[pa.RecordBatch]:
    batch = loaded(kept)
    keep, rejected = select(batch, cutoff, later)
    if rejected:
        batch = record_batches.take(batch, keep)
    if batch.num_rows:
        yield assign_splits(batch, config, cutoff, users, items)


def _marked(batch: pa.RecordBatch, held_out: bool) -> pa.RecordBatch:
    return record_batches.with_column(batch, record_batches.HELD_OUT, np.full(batch.num_rows, held_out))


def _counts(batch: pa.RecordBatch, column: str, totals: IdCounts) -> npt.NDArray[np.int64]:
    codes, values = record_batches.ids(batch, column)
    return totals.of(values)[codes]
