"""EventsExampleGen is the RatingsExampleGen for events, which are split later, user by user."""

from __future__ import annotations

from tfx.dsl.components.base import executor_spec

from components.events_example_gen.executor import Executor
from components.ratings_example_gen.component import RatingsExampleGen
from rrn_tf.beam.reading.read_events import EVENTS


class EventsExampleGen(RatingsExampleGen):
    """Validates events and writes one `tf.Example` per event.

    Output `examples` has a single split, `events`.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    SPLITS = (EVENTS,)
