"""Loads saved models of either kind as recommenders."""

from __future__ import annotations

from pathlib import Path

from rrn_tf.recommenders.events import CollaborativeRecommender
from rrn_tf.recommenders.ratings import RRNRecommender
from rrn_tf.serving.load import load_saved_model
from rrn_tf.serving.saved_rrn import SavedRRN


def load(path: str | Path, *, compiled: bool = True) -> RRNRecommender | CollaborativeRecommender:
    """Loads the recommender that `save`, `fit`, `rrn train` or `rrn update` saved.

    Args:
      path: a run directory, a SavedModel, or a directory of numbered versions, of which the newest is loaded.
      compiled: whether XLA compiles a part of a rating model's recommendations, which pays for many users.

    Raises:
      ValueError: if there is no model of this package.

    Example:
      >>> model = load("runs/a")
      >>> type(model).__name__
      'RRNRecommender'
    """
    saved = load_saved_model(path, compiled=compiled)
    if isinstance(saved, SavedRRN):
        return RRNRecommender().adopt(path, saved)
    return CollaborativeRecommender().adopt(path, saved)
