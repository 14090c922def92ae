"""Reads new ratings and events, for updates, into memory, with the same checks as in training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rrn_tf import features
from rrn_tf.beam.reading.dead_letters import OPTION, write_dead_letters
from rrn_tf.beam.reading.read_events import EVENTS
from rrn_tf.beam.reading.read_ratings import match_files, open_anywhere
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.config import DataConfig
from rrn_tf.data.reading import record_batches
from rrn_tf.data.reading.event_order import number_events
from rrn_tf.data.reading.files import find_sources
from rrn_tf.data.reading.in_memory import read_sources
from rrn_tf.data.reading.rejected import split_off
from rrn_tf.data_format import DataFormat

BEFORE_CUTOFF = "before_cutoff"


def read_new_ratings(
    pattern: str,
    cutoff: int,
    dead_letters: str,
    max_bad_share: float = DataConfig.max_bad_share,
    data_format: DataFormat | None = None,
) -> tuple[pa.Table, dict[str, int]]:
    """Reads valid ratings at or after a cutoff.

    Args:
      pattern: files (see `ReadRatings`).
      cutoff: unix seconds. Earlier ratings are rejected, but not counted as bad: logs may contain all earlier data.
      dead_letters: JSON Lines file for rejected rows.
      max_bad_share: largest fraction of rows that may be rejected.
      data_format: what the user says about the files' format.

    Returns:
      The ratings with the columns of `record_batches.RATINGS`, ids as text, in order of file and line; and the number
      of rejected rows by reason.

    Raises:
      BadInputError: in one line, for a missing file, a wrong header, no rows or too many bad ones.
    """
    sources = find_sources([pattern], features.COLUMNS, match_files, data_format)
    read = read_sources(sources, features.COLUMNS, open_anywhere)
    good, rejected = [], read.rejected.to_batches()
    for batch in read.good:
        timestamp = record_batches.numbers(batch, features.TIMESTAMP)
        rows = np.flatnonzero(timestamp < cutoff)
        told = pa.array(timestamp[rows]).cast(pa.string())
        problem = pc.binary_join_element_wise("timestamp ", told, f" is before the training cutoff {cutoff}", "")
        later, early = split_off(batch, rows, BEFORE_CUTOFF, problem)
        good.append(later)
        rejected += early
    counts = write_dead_letters(
        rejected, read.total, dead_letters, max_bad_share, option=OPTION, harmless=[BEFORE_CUTOFF]
    )
    return _with_plain_ids(good, record_batches.RATINGS), counts


def read_new_events(
    pattern: str,
    dead_letters: str,
    max_bad_share: float = EventDataConfig.max_bad_share,
    data_format: DataFormat | None = None,
) -> tuple[pa.Table, dict[str, int]]:
    """Reads valid events.

    Args:
      pattern: files (see `ReadRatings`).
      dead_letters: JSON Lines file for rejected rows.
      max_bad_share: largest fraction of rows that may be rejected.
      data_format: what the user says about the files' format.

    Returns:
      The events' user_id and item_id, as text, and timestamp, in order of file and line; and the number of rejected
      rows by reason.

    Raises:
      BadInputError: as in `read_new_ratings`.
    """
    sources = find_sources([pattern], features.EVENT_COLUMNS, match_files, data_format)
    read = read_sources(sources, features.EVENT_COLUMNS, open_anywhere)
    counts = write_dead_letters(read.rejected.to_batches(), read.total, dead_letters, max_bad_share, EVENTS, OPTION)
    events = [number_events(batch, sources) for batch in read.good]
    return _with_plain_ids(events, record_batches.EVENTS).sort_by(features.POSITION), counts


def _with_plain_ids(batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    table = pa.Table.from_batches(batches, schema)
    plain = [pa.string() if pa.types.is_dictionary(column.type) else column.type for column in table.columns]
    return table.cast(pa.schema(zip(table.schema.names, plain, strict=True)))
