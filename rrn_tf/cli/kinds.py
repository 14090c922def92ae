"""The two kinds of models, and what their configurations and protocols are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rrn_tf.cli.options import resolved_config

if TYPE_CHECKING:
    from rrn_tf.collaborative_config import CollaborativeConfig
    from rrn_tf.config import Config

# As in rrn_tf.evaluation.protocols and event_protocols, which need TensorFlow.
PROTOCOLS = ("frozen", "streaming")
EVENT_PROTOCOLS = ("clean", "interleaved")
RRN, CRNN = MODELS = ("rrn", "crnn")
MODEL_HELP = "rrn learns from ratings, crnn (the Collaborative RNN) from events."


def config_of(kind: str, name: str | None, overrides: tuple[str, ...]) -> Config | CollaborativeConfig:
    """The configuration of a model that `--config` and `--set` name; without a name that of its preset."""
    from rrn_tf.collaborative_config import CollaborativeConfig
    from rrn_tf.config import CRNN_PLUS, RRN_PLUS, Config

    if kind == RRN:
        return resolved_config(name or RRN_PLUS, overrides, Config)
    return resolved_config(name or CRNN_PLUS, overrides, CollaborativeConfig)
