"""A generated log like that of listeners, whose best reachable loss is known."""

from __future__ import annotations

from pathlib import Path

from rrn_tf.data import synthetic_listening
from rrn_tf.data.generated import event_log, generator_config
from rrn_tf.data.source import DataSource

NAME = "synthetic-listening"
OPTIONS = "[:option=value,...]"


def source(rest: str, cache: Path) -> DataSource:
    """Events of `rrn_tf.data.synthetic_listening`.

    Raises:
      DataSourceError: for an unknown option or a value that cannot be.
    """
    kind, what = synthetic_listening.SyntheticListeningConfig, "synthetic listening"
    config = generator_config(NAME, rest, kind, what)
    return event_log(NAME, what, config, lambda: synthetic_listening.generate_listening(config), cache)
