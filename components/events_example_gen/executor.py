"""Executor of EventsExampleGen."""

from __future__ import annotations

import json
from typing import Any

import apache_beam as beam

from components.ratings_example_gen import executor as ratings_executor
from components.ratings_example_gen.executor import DATA_CONFIG, settings, source_pattern
from rrn_tf.beam.encoding.examples import event_examples
from rrn_tf.beam.reading import read_events
from rrn_tf.beam.reading.dead_letters import WriteDeadLetters
from rrn_tf.beam.reading.read_events import EVENTS, ReadEvents
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import config_from_dict


class Executor(ratings_executor.Executor):
    """Reads and validates events with the transforms of `rrn_tf.beam`."""

    def GenerateExamplesByBeam(  # noqa: N802
        self, pipeline: beam.Pipeline, exec_properties: dict[str, Any]
    ) -> dict[str, beam.PCollection]:
        """Returns serialized event `tf.Example`s, all in one split; rejected rows go to the dead letters.

        Args:
          pipeline: the Beam pipeline to add transforms to.
          exec_properties: see `Do`.
        """
        values = settings(exec_properties)
        config = config_from_dict({"data": json.loads(values[DATA_CONFIG])}, CollaborativeConfig).data
        read = pipeline | ReadEvents(source_pattern(exec_properties), config.format)
        letters = WriteDeadLetters(
            self._dead_letters(values), config.max_bad_share, read[read_events.ROWS], read_events.EVENTS
        )
        self._keep_counts(read[read_events.REJECTED] | letters)
        return {EVENTS: read[EVENTS] | "Encode" >> beam.FlatMap(event_examples)}
