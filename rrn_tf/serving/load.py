"""Loads a saved model of either kind."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_rrn import SavedRRN, find_saved_model


def load_saved_model(path: str | Path, *, compiled: bool = True) -> SavedRRN | SavedCollaborativeRNN:
    """Loads the RRN or the Collaborative RNN at a path.

    Args:
      path: see `rrn_tf.serving.saved_rrn.find_saved_model`.
      compiled: as in `SavedRRN`.

    Raises:
      ModelNotFoundError: if there is no model at the path.
    """
    module = tf.saved_model.load(str(find_saved_model(path)))
    return SavedCollaborativeRNN(module) if "next_items" in module.signatures else SavedRRN(module, compiled=compiled)
