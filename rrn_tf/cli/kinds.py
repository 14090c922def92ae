"""The two kinds of models, and the names of their configurations and protocols."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from rrn_tf.cli.options import SettingError, resolved_config

if TYPE_CHECKING:
    from rrn_tf.tasks import Settings

# As in rrn_tf.tasks, which is slow to import for a help text.
PROTOCOLS = ("frozen", "streaming")
EVENT_PROTOCOLS = ("clean", "interleaved")
RRN, CRNN = MODELS = ("rrn", "crnn")
MODEL_HELP = "rrn learns from ratings, crnn (the Collaborative RNN) from events."


def config_of(kind: str, name: str | None, overrides: tuple[str, ...]) -> Settings:
    """Returns a model's configuration by `--config` and `--set`; without `--config`, from its default preset."""
    from rrn_tf.config import ConfigError, load_config
    from rrn_tf.tasks import TASKS

    task = TASKS[kind]
    try:
        return resolved_config(name or task.preset, overrides, task.config)
    except SettingError:
        for other in TASKS.values():
            with suppress(ConfigError):
                if name and other is not task:
                    load_config(name, kind=other.config)
                    raise SettingError(
                        f"{name}: expected settings of --model {kind}, found those of --model {other.name}"
                    ) from None
        raise
