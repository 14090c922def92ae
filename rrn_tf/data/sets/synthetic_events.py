"""Generated events of users with habits of their own, whose best reachable loss is known."""

from __future__ import annotations

from pathlib import Path

from rrn_tf.data import synthetic_events
from rrn_tf.data.generated import event_log, generator_config
from rrn_tf.data.source import DataSource

NAME = "synthetic-events"
OPTIONS = "[:option=value,...]"


def source(rest: str, cache: Path) -> DataSource:
    """Events of `rrn_tf.data.synthetic_events`.

    Raises:
      DataSourceError: for an unknown option or a value that cannot be.
    """
    config = generator_config(NAME, rest, synthetic_events.SyntheticEventsConfig, "synthetic events")
    return event_log(NAME, "synthetic events", config, lambda: synthetic_events.generate_events(config), cache)
