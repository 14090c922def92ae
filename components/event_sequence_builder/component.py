"""EventSequenceBuilder is the SequenceBuilder for events, which are grouped by user only."""

from __future__ import annotations

from tfx.dsl.components.base import executor_spec

from components.event_sequence_builder.executor import Executor
from components.sequence_builder.component import SequenceBuilder


class EventSequenceBuilder(SequenceBuilder):
    """Filters and splits events, and groups them by user into `tf.train.SequenceExample`s.

    Its inputs are Examples of EventsExampleGen and plain values of `rrn_tf.config.EventDataConfig`. Output `sequences`
    is an Examples artifact with the split `user_sequences`, and with `events.json` and the vocabularies at its root.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
