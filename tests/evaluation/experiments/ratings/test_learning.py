from __future__ import annotations

from rrn_tf.evaluation.experiments.exhibits import Omitted
from rrn_tf.evaluation.experiments.ratings import learning
from tests.subjects import rating_subject

METRICS = {"best_epoch": 1, "epochs": [{"epoch": 1, "user_rmse": 1.0, "item_rmse": 0.9, "valid_rmse": 0.8}]}


def test_figures_of_both_phases_and_of_validation() -> None:
    (figure,) = learning.exhibits(rating_subject(metrics=METRICS))
    assert figure.frame.to_numpy().tolist() == [[1, 1.0, 0.9, 0.8]]
    assert "cannot be compared" not in figure.caption
    (beside,) = learning.exhibits(rating_subject(metrics=METRICS, config={"model": {"bayesian_factors": 8}}))
    assert "cannot be compared" in beside.caption


def test_without_metrics() -> None:
    (nothing,) = learning.exhibits(rating_subject())
    assert isinstance(nothing, Omitted)
