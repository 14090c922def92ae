"""Ratings and events that came after training, read and checked as training's are, in memory."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam import pvalue
from pyarrow import feather

from rrn_tf import features
from rrn_tf.beam.reading import read_events, read_ratings, record_batches
from rrn_tf.beam.reading.dead_letters import WriteDeadLetters, count_in_metrics, rejected_batch
from rrn_tf.beam.reading.errors import surfaced_errors
from rrn_tf.beam.reading.read_events import ReadEvents
from rrn_tf.beam.reading.read_ratings import ReadRatings
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.config import DataConfig
from rrn_tf.data.allocator import reused_memory

BEFORE_CUTOFF = "before_cutoff"
_COUNTS = "counts.json"


def read_new_ratings(pattern: str, cutoff: int, dead_letters: str) -> tuple[pa.Table, dict[str, int]]:
    """Good ratings at or after a cutoff.

    Args:
      pattern: CSV or Parquet files (see `ReadRatings`).
      cutoff: unix seconds. Earlier ratings are rejected, but are no bad rows: a log may hold its whole past.
      dead_letters: JSON Lines file for rejected rows.

    Returns:
      The ratings with the columns of `record_batches.RATINGS`, ids as text, in order of file and line; and the number
      of rejected rows by reason.

    Raises:
      BadInputError: in one line: no such file, a wrong header, no rows, too many bad ones.
    """

    def transform(pipeline: beam.Pipeline) -> tuple[beam.PCollection, beam.PCollection]:
        read = pipeline | ReadRatings(pattern)
        good = read[read_ratings.RATINGS] | "Cutoff" >> beam.ParDo(_RejectEarly(), cutoff).with_outputs(
            read_ratings.REJECTED, main=read_ratings.RATINGS
        )
        rejected = (read[read_ratings.REJECTED], good[read_ratings.REJECTED]) | beam.Flatten()
        letters = WriteDeadLetters(
            dead_letters, DataConfig().max_bad_share, read[read_ratings.ROWS], harmless=[BEFORE_CUTOFF]
        )
        return good[read_ratings.RATINGS], rejected | letters

    table, counts = _in_memory(transform, record_batches.RATINGS)
    return table.sort_by([(record_batches.FILE, "ascending"), (record_batches.LINE, "ascending")]), counts


def read_new_events(pattern: str, dead_letters: str) -> tuple[pa.Table, dict[str, int]]:
    """Good events.

    Args:
      pattern: CSV or Parquet files (see `ReadRatings`).
      dead_letters: JSON Lines file for rejected rows.

    Returns:
      The events' user_id and item_id, as text, and timestamp, in order of file and line; and the number of rejected
      rows by reason.

    Raises:
      BadInputError: as `read_new_ratings`.
    """

    def transform(pipeline: beam.Pipeline) -> tuple[beam.PCollection, beam.PCollection]:
        read = pipeline | ReadEvents(pattern)
        letters = WriteDeadLetters(
            dead_letters, EventDataConfig().max_bad_share, read[read_events.ROWS], read_events.EVENTS
        )
        return read[read_events.EVENTS], read[read_events.REJECTED] | letters

    table, counts = _in_memory(transform, record_batches.EVENTS)
    return table.sort_by(features.POSITION), counts


def _in_memory(
    transform: Callable[[beam.Pipeline], tuple[beam.PCollection, beam.PCollection]], schema: pa.Schema
) -> tuple[pa.Table, dict[str, int]]:
    """Good rows, ids as text, in any order, and the counts of rejected ones, of a transform that yields both."""
    with tempfile.TemporaryDirectory() as folder:
        with surfaced_errors(), reused_memory():
            pipeline = beam.Pipeline()
            good, counts = transform(pipeline)
            _ = good | "Keep" >> beam.Map(_keep, folder)
            _ = counts | "KeepCounts" >> beam.Map(_keep_counts, folder)
            pipeline.run().wait_until_finish()
        rejected = json.loads(Path(folder, _COUNTS).read_text())
        parts = [feather.read_table(path) for path in Path(folder).glob("*.arrow")]
    table = pa.concat_tables([schema.empty_table(), *parts])
    plain = [pa.string() if pa.types.is_dictionary(column.type) else column.type for column in table.columns]
    return table.cast(pa.schema(zip(table.schema.names, plain, strict=True))), rejected


class _RejectEarly(beam.DoFn):
    """A batch's rows at or after the cutoff, and the others."""

    def process(self, batch: pa.RecordBatch, cutoff: int) -> Iterator[Any]:
        timestamp, line = (record_batches.numbers(batch, name) for name in (features.TIMESTAMP, record_batches.LINE))
        early = timestamp < cutoff
        if early.any():
            problem = [f"timestamp {value} is before the training cutoff {cutoff}" for value in timestamp[early]]
            text = record_batches.texts(record_batches.take(batch, early))
            part = rejected_batch(record_batches.file_of(batch), line[early], BEFORE_CUTOFF, problem, text)
            yield pvalue.TaggedOutput(read_ratings.REJECTED, count_in_metrics(part))
            batch = record_batches.take(batch, ~early)
        if batch.num_rows:
            yield batch


def _keep(batch: pa.RecordBatch, folder: str) -> None:
    feather.write_feather(pa.Table.from_batches([batch]), f"{folder}/{uuid.uuid4().hex}.arrow")


def _keep_counts(counts: dict[str, int], folder: str) -> None:
    Path(folder, _COUNTS).write_text(json.dumps(counts))
