"""Learning curves of the RRN."""

from __future__ import annotations

from collections.abc import Sequence

from rrn_tf.evaluation.experiments.exhibits import Exhibit
from rrn_tf.evaluation.experiments.learning_curves import learning_curves
from rrn_tf.evaluation.experiments.subjects import RatingSubject

ORDER = 150
TITLE = "Error after each epoch of training"
SOURCE = ""

_VALIDATION = "valid_rmse"
_APART = (
    "Training errors are those of the network alone, and validation errors those of the network with the Bayesian "
    "factors beside it, so the two cannot be compared."
)
_CURVES = {
    "user_rmse": "training (users' phase)",
    "item_rmse": "training (items' phase)",
    _VALIDATION: "validation",
}


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Draws the errors that training wrote after each epoch."""
    beside = subject.config.get("model", {}).get("bayesian_factors", 0)
    return [learning_curves(subject.metrics, _CURVES, _VALIDATION, "RMSE", _APART if beside else "")]
