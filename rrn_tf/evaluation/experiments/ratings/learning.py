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
_CURVES = {
    "user_rmse": "training, while the users' network moves",
    "item_rmse": "training, while the items' network moves",
    _VALIDATION: "validation, of the whole model",
}


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Draws the errors that training wrote after each epoch."""
    return [learning_curves(subject.metrics, _CURVES, _VALIDATION, "RMSE")]
