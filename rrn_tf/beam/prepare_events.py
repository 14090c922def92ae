"""Prepares the event sequences of users in one Beam pipeline."""

from __future__ import annotations

from collections.abc import Sequence

import apache_beam as beam

from rrn_tf.beam.pipelines import new_pipeline, run_to
from rrn_tf.beam.reading import read_events
from rrn_tf.beam.reading.dead_letters import WriteDeadLetters
from rrn_tf.beam.reading.errors import surfaced_errors
from rrn_tf.beam.reading.files import remove
from rrn_tf.beam.reading.read_events import ReadEvents
from rrn_tf.beam.sequences.build_events import BuildEvents
from rrn_tf.beam.sequences.event_shards import EVENTS, LATER
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.data.allocator import reused_memory
from rrn_tf.data.metadata import EventMetadata
from rrn_tf.features import EVENT_METADATA_FILE


def prepare_events(
    pattern: str,
    output_dir: str,
    config: EventDataConfig,
    *,
    valid: str | None = None,
    dead_letters: str,
    beam_args: Sequence[str] = (),
) -> EventMetadata:
    """Reads and checks events, applies the filter rules and writes the sequences of users.

    Args:
      pattern: files of events or ratings (see `ReadRatings`).
      output_dir: folder for the sequences, vocabularies and metadata.
      config: settings of the rules.
      valid: files of later events for validation, as `pattern`; all of `pattern` is then used for training.
      dead_letters: JSON Lines file for rejected rows.
      beam_args: pipeline options, see `new_pipeline`; the in-memory runner by default.

    Returns:
      The metadata, which is written to `output_dir` too.

    Raises:
      BadInputError: if a file is missing, a header is wrong, there are no rows, too many rows are rejected, or the
        rules leave no events (or, with `valid`, no validation events).
    """
    written = f"{output_dir}/{EVENT_METADATA_FILE}"
    remove(written)  # a file of an earlier run must not look like success
    with surfaced_errors(), reused_memory():
        pipeline = new_pipeline(beam_args)
        parts = {EVENTS: pipeline | "ReadEvents" >> ReadEvents(pattern, config.format)}
        if valid is not None:
            parts[LATER] = pipeline | "ReadValidation" >> ReadEvents(valid, config.format)
        rejected = [part[read_events.REJECTED] for part in parts.values()]
        rows = [part[read_events.ROWS] for part in parts.values()]
        counts = (rejected | "AllRejected" >> beam.Flatten()) | WriteDeadLetters(
            dead_letters, config.max_bad_share, rows | "AllRowCounts" >> beam.Flatten(), read_events.EVENTS
        )
        events = {name: part[read_events.EVENTS] for name, part in parts.items()}
        _ = events | BuildEvents(config, output_dir, rejected=counts)
        run_to(pipeline, written)
    return EventMetadata.load(output_dir)
