"""Reads events with what `ReadRatings` reads ratings with, and numbers them."""

from __future__ import annotations

from collections.abc import Sequence

import apache_beam as beam

from rrn_tf import features
from rrn_tf.beam.reading import read_ratings
from rrn_tf.beam.reading.read_ratings import ReadRatings
from rrn_tf.data.reading.event_order import number_events

EVENTS, REJECTED, ROWS = "events", read_ratings.REJECTED, read_ratings.ROWS


class ReadEvents(beam.PTransform):
    """Reads and validates events: user_id, item_id and timestamp; a file of ratings will do.

    Rows that repeat user, item and second are all kept: a log of events may say so. Events of one user and second stay
    in the order in which they were read, which is that of file names and then of lines (backwards in a format whose
    newest events come first), however Beam bundles them: `position` carries it.

    Args:
      pattern: see `ReadRatings`.

    Output: a dictionary of PCollections: ``events`` (`pyarrow.RecordBatch`es with user_id and item_id,
    dictionary-encoded, timestamp and position, int64), ``rejected`` and ``rows`` as of `ReadRatings`.

    Raises:
      BadInputError: see `ReadRatings`.
    """

    def __init__(self, pattern: str | Sequence[str]) -> None:
        super().__init__()
        self._read = ReadRatings(pattern, features.EVENT_COLUMNS)

    def expand(self, start: beam.Pipeline) -> dict[str, beam.PCollection]:
        read = start | "Rows" >> self._read
        events = read[read_ratings.RATINGS] | "Number" >> beam.Map(number_events, self._read.files)
        return {EVENTS: events, REJECTED: read[REJECTED], ROWS: read[ROWS]}
