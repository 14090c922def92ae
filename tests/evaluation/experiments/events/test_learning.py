"""Learning curves of a network of events."""

from __future__ import annotations

from rrn_tf.evaluation.experiments.events import learning
from rrn_tf.evaluation.experiments.exhibits import Figure
from rrn_tf.evaluation.experiments.subjects import EventSubject


def test_curves_are_those_of_the_metrics(subject: EventSubject) -> None:
    (figure,) = learning.exhibits(subject)
    assert isinstance(figure, Figure)
    assert figure.frame["training"].tolist() == [2.5, 2.1, 1.9]
    assert figure.frame["validation"].tolist() == [2.4, 2.2, 2.3]
    assert "Epoch 2 was kept" in figure.caption
    assert "with a dropout of 0.5" in figure.caption
