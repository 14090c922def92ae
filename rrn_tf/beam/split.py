"""The global time split: training before the cutoff, later ratings halved by a hash of the row."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from apache_beam import pvalue

from rrn_tf import features
from rrn_tf.beam import batches
from rrn_tf.beam.dead_letters import count_in_metrics, rejected_batch
from rrn_tf.beam.duplicates import KEPT, DropDuplicates
from rrn_tf.beam.row_hash import hash_rows
from rrn_tf.beam.vocabularies import CountTrainingRatings, IdCounts, count_ids
from rrn_tf.config import SplitConfig
from rrn_tf.features import SIDES, Split

RATINGS, REJECTED, CUTOFF, HELD_OUT = "ratings", "rejected", "cutoff", "held_out"
_COMPACT = 4_000_000  # timestamps kept apart before they are counted


class SplitByTime(beam.PTransform):  # type: ignore[misc]
    """Drops duplicates and says of each rating which split it belongs to.

    The cutoff is the configured one, or one second after the training quantile of all timestamps. Earlier ratings
    train; later ones are halved into validation and test. Ratings held out by the caller are all validation; the
    others then all train, the cutoff is one second after the last of them unless configured, and rows of either kind
    on the wrong side of it are rejected. With `drop_unseen`, later ratings of a user or item without training rating
    go to the cold twin of their split.

    Args:
      config: the split.

    Input: batches of `rrn_tf.beam.batches.RATINGS`, or a dictionary of two such PCollections: ``ratings`` and
    ``held_out``.

    Output: dictionary of PCollections: ``ratings`` (batches with `split`, uint8, and `user_activity`, int64: the number
    of training ratings of the user), ``rejected`` (batches) and ``cutoff`` (a singleton, unix seconds; 0 without any
    rating to train on).
    """

    def __init__(self, config: SplitConfig) -> None:
        super().__init__()
        self._config = config

    def expand(self, inputs: beam.PCollection | dict[str, beam.PCollection]) -> dict[str, beam.PCollection]:
        ratings, held_out = (inputs, None) if not isinstance(inputs, dict) else (inputs[RATINGS], inputs.get(HELD_OUT))
        if held_out is not None:
            ratings = (
                ratings | "MarkRatings" >> beam.Map(_marked, False),
                held_out | "MarkHeldOut" >> beam.Map(_marked, True),
            ) | "Both" >> beam.Flatten()
        unique = ratings | "DropDuplicates" >> DropDuplicates()
        kept, rejected = unique[KEPT], [unique[REJECTED]]
        cutoff = (
            kept
            | "CountTimes" >> beam.Map(_training_times)
            | "Quantile" >> beam.CombineGlobally(CutoffFn(self._config, held_out is not None))
        )
        as_cutoff = pvalue.AsSingleton(cutoff)
        if held_out is not None:
            sided = kept | "Sides" >> beam.FlatMap(_right_side, as_cutoff).with_outputs(REJECTED, main=RATINGS)
            kept = sided[RATINGS]
            rejected.append(sided[REJECTED])
        counts = [
            pvalue.AsSingleton(
                kept
                | f"Count{side.name}" >> beam.Map(_count_before, side.id_feature, as_cutoff)
                | f"Merge{side.name}" >> beam.CombineGlobally(CountTrainingRatings())
            )
            for side in SIDES
        ]
        return {
            RATINGS: kept | "Assign" >> beam.Map(assign_splits, self._config, as_cutoff, *counts),
            REJECTED: rejected | "Rejected" >> beam.Flatten(),
            CUTOFF: cutoff,
        }


TimeCounts = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


class CutoffFn(beam.CombineFn):  # type: ignore[misc]
    """The cutoff of (distinct timestamps, how often each) of batches; exact, whatever their number.

    Args:
      config: the split.
      all_training: all of these ratings train.
    """

    def __init__(self, config: SplitConfig, all_training: bool) -> None:
        self._given = config.cutoff_seconds
        # The decimal that was written: 0.55 of 100 ratings are 55, not 55.000000000000004.
        self._fraction = Fraction(1) if all_training else Fraction(str(config.train_fraction))

    def create_accumulator(self) -> list[TimeCounts]:
        return []

    def add_input(self, accumulator: list[TimeCounts], element: TimeCounts) -> list[TimeCounts]:
        accumulator.append(element)
        return _counted(accumulator) if sum(len(times) for times, _ in accumulator) > _COMPACT else accumulator

    def merge_accumulators(self, accumulators: Iterable[list[TimeCounts]]) -> list[TimeCounts]:
        return _counted([part for accumulator in accumulators for part in accumulator])

    def extract_output(self, accumulator: list[TimeCounts]) -> int:
        if self._given is not None:
            return self._given
        times, counts = _counted(accumulator)[0] if accumulator else (np.empty(0, np.int64),) * 2
        if not len(times):
            return 0
        upto = np.cumsum(counts)
        last = math.ceil(self._fraction * int(upto[-1]))
        return int(times[np.searchsorted(upto, last)]) + 1


def assign_splits(
    batch: pa.RecordBatch, config: SplitConfig, cutoff: int, users: IdCounts, items: IdCounts
) -> pa.RecordBatch:
    """A batch with its `split` and `user_activity`.

    Args:
      batch: ratings; `held_out` ones are validation.
      config: the split.
      cutoff: unix seconds.
      users, items: training ratings of each id.
    """
    activity, item_activity = (_counts(batch, side.id_feature, counted) for side, counted in zip(SIDES, (users, items)))
    later = batches.numbers(batch, features.TIMESTAMP) >= cutoff
    split = np.full(batch.num_rows, Split.TRAIN, np.uint8)
    if batches.HELD_OUT in batch.schema.names:
        split[later] = Split.VALID
        names = [name for name in batch.schema.names if name != batches.HELD_OUT]
        batch = pa.RecordBatch.from_arrays([batch.column(name) for name in names], names=names)
    elif later.any():
        rows = np.flatnonzero(later)
        odd = hash_rows(batches.take(batch, rows), _salt(config.seed)) >> np.uint64(63)
        split[rows] = np.where(odd == 0, np.uint8(Split.VALID), np.uint8(Split.TEST))
    if config.drop_unseen:
        cold = later & ((activity == 0) | (item_activity == 0))
        split[cold] = np.where(split[cold] == Split.VALID, np.uint8(Split.VALID_COLD), np.uint8(Split.TEST_COLD))
    batch = batches.with_column(batch, features.SPLIT, split)
    return batches.with_column(batch, features.USER_ACTIVITY, activity)


def _salt(seed: int) -> int:
    # Away from the unsalted hash that finds duplicates.
    return seed + 1


def _marked(batch: pa.RecordBatch, held_out: bool) -> pa.RecordBatch:
    return batches.with_column(batch, batches.HELD_OUT, np.full(batch.num_rows, held_out))


def _training_times(batch: pa.RecordBatch) -> TimeCounts:
    times = batches.numbers(batch, features.TIMESTAMP)
    if batches.HELD_OUT in batch.schema.names:
        times = times[~batches.numbers(batch, batches.HELD_OUT)]
    return np.unique(times, return_counts=True)


def _counted(parts: list[TimeCounts]) -> list[TimeCounts]:
    if not parts:
        return []
    times, place = np.unique(np.concatenate([part for part, _ in parts]), return_inverse=True)
    counts = np.bincount(place, np.concatenate([count for _, count in parts]), len(times))
    return [(times, counts.astype(np.int64))]


def _right_side(batch: pa.RecordBatch, cutoff: int) -> Iterator[Any]:
    """Of an explicit validation source: its rows must lie at or after the cutoff, the others before it."""
    time, held_out = batches.numbers(batch, features.TIMESTAMP), batches.numbers(batch, batches.HELD_OUT)
    wrong = np.flatnonzero(held_out == (time < cutoff))
    if not len(wrong):
        yield batch
        return
    if len(wrong) < batch.num_rows:
        yield batches.take(batch, np.setdiff1d(np.arange(batch.num_rows), wrong))
    rows = batches.take(batch, wrong)
    held, times = held_out[wrong].tolist(), time[wrong].tolist()
    file, line = rows.column(batches.FILE).dictionary_decode().to_pylist(), batches.numbers(rows, batches.LINE)
    rejected = rejected_batch(
        file[0],
        line,
        ["before_cutoff" if late else "after_cutoff" for late in held],
        [
            f"validation timestamp {when} is before the cutoff {cutoff}"
            if late
            else f"training timestamp {when} is not before the cutoff {cutoff}"
            for late, when in zip(held, times)
        ],
        batches.texts(rows),
    )
    yield pvalue.TaggedOutput(REJECTED, count_in_metrics(rejected))


def _count_before(batch: pa.RecordBatch, column: str, cutoff: int) -> IdCounts:
    return count_ids(batch, column, batches.numbers(batch, features.TIMESTAMP) < cutoff)


def _counts(batch: pa.RecordBatch, column: str, counted: IdCounts) -> npt.NDArray[np.int64]:
    codes, values = batches.ids(batch, column)
    return counted.of(values)[codes]
