"""Reads events as `ReadRatings` reads ratings, and numbers them."""

from __future__ import annotations

from collections.abc import Sequence

import apache_beam as beam

from rrn_tf import features
from rrn_tf.beam.reading import read_ratings
from rrn_tf.beam.reading.read_ratings import ReadRatings
from rrn_tf.data.reading.event_order import number_events
from rrn_tf.data_format import DataFormat

EVENTS, REJECTED, ROWS = "events", read_ratings.REJECTED, read_ratings.ROWS


class ReadEvents(beam.PTransform):
    """Reads and validates events: user_id, item_id and timestamp; files of ratings are accepted too.

    Rows with the same user, item and second are all kept, because such events can occur. Events of one user and second
    keep the order of file names, then of lines (reversed in a format with the newest events first), however Beam
    bundles them: the column `position` preserves it.

    Args:
      pattern, data_format: see `ReadRatings`.

    Output: a dictionary of PCollections: ``events`` (`pyarrow.RecordBatch`es with user_id and item_id,
    dictionary-encoded, timestamp and position, int64), ``rejected`` and ``rows`` as in `ReadRatings`.

    Raises:
      BadInputError: see `ReadRatings`.
    """

    def __init__(self, pattern: str | Sequence[str], data_format: DataFormat | None = None) -> None:
        super().__init__()
        self._read = ReadRatings(pattern, features.EVENT_COLUMNS, data_format)

    def expand(self, start: beam.Pipeline) -> dict[str, beam.PCollection]:
        read = start | "Rows" >> self._read
        events = read[read_ratings.RATINGS] | "Number" >> beam.Map(number_events, self._read.files)
        return {EVENTS: events, REJECTED: read[REJECTED], ROWS: read[ROWS]}
