"""EventsExampleGen is the RatingsExampleGen for events, which are split later, user by user."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import executor_spec
from tfx.proto import range_config_pb2

from components.events_example_gen.executor import TEXT_FORMAT, Executor
from components.ratings_example_gen.component import RatingsExampleGen
from rrn_tf.beam.reading.read_events import EVENTS


class EventsExampleGen(RatingsExampleGen):
    """Validates events and writes one `tf.Example` per event.

    Output `examples` has a single split, `events`.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    SPLITS = (EVENTS,)

    def __init__(
        self,
        input_base: str,
        pattern: str,
        data_config: dict[str, Any],
        *,
        text_format: str = "",
        dead_letters: str | None = None,
        range_config: range_config_pb2.RangeConfig | None = None,
    ) -> None:
        """Declares the component.

        Args:
          input_base: directory of the events; cached output is reused if the matching files are unchanged.
          pattern: file pattern below `input_base`; CSV (plain or gzip) or Parquet.
          data_config: plain values of `rrn_tf.config.EventDataConfig`.
          text_format: a name of `rrn_tf.data.formats` for files without a header.
          dead_letters, range_config: as in `RatingsExampleGen`.
        """
        super().__init__(
            input_base,
            pattern,
            data_config,
            dead_letters=dead_letters,
            range_config=range_config,
            **{TEXT_FORMAT: text_format},
        )
