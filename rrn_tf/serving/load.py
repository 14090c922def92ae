"""Loads a saved model of either kind."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_rrn import ModelNotFoundError, SavedRRN, find_saved_model


def load_saved_model(path: str | Path, *, compiled: bool = True) -> SavedRRN | SavedCollaborativeRNN:
    """Loads the RRN or the Collaborative RNN at a path.

    Args:
      path: see `rrn_tf.serving.saved_rrn.find_saved_model`.
      compiled: as in `SavedRRN`.

    Raises:
      ModelNotFoundError: if there is no model at the path, or a SavedModel that this package did not write.
    """
    found = find_saved_model(path)
    try:
        module = tf.saved_model.load(str(found))
    except (OSError, ValueError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelNotFoundError(f"{found}: expected a SavedModel, found one that cannot be read: {reason}") from None
    signatures = getattr(module, "signatures", {})
    if "next_items" in signatures:
        return SavedCollaborativeRNN(module)
    if "recommend" not in signatures:
        others = ", ".join(signatures) or "none"
        raise ModelNotFoundError(f"{found}: expected a model saved by rrn_tf, found one with the signatures: {others}")
    return SavedRRN(module, compiled=compiled)
