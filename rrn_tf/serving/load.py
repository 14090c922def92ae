"""Loads a saved model of either kind."""

from __future__ import annotations

from pathlib import Path

from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_files import NEXT_ITEMS, loaded_module
from rrn_tf.serving.saved_rrn import SavedRRN


def load_saved_model(path: str | Path, *, compiled: bool = True) -> SavedRRN | SavedCollaborativeRNN:
    """Loads the RRN or the Collaborative RNN at a path.

    Args:
      path: see `rrn_tf.serving.saved_files.find_saved_model`.
      compiled: as in `SavedRRN`.

    Raises:
      ModelNotFoundError: if there is no model at the path, or one that this package did not save, or that is damaged.
    """
    module = loaded_module(path)
    if NEXT_ITEMS in module.signatures:
        return SavedCollaborativeRNN(module)
    return SavedRRN(module, compiled=compiled)
