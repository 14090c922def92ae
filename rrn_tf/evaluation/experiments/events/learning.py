"""Learning curves: the loss after each epoch, in training and on the validation events."""

from __future__ import annotations

from dataclasses import replace

from rrn_tf.evaluation.experiments.exhibits import Exhibit, Omitted
from rrn_tf.evaluation.experiments.learning_curves import TITLE, learning_curves
from rrn_tf.evaluation.experiments.subjects import EventSubject

ORDER, SOURCE = 70, ""
__all__ = ["ORDER", "SOURCE", "TITLE", "exhibits"]
_CURVES = {"train_nll": "training", "valid_nll": "validation"}


def exhibits(subject: EventSubject) -> list[Exhibit]:
    """Returns the figure of the learning curves."""
    figure = learning_curves(subject.metrics, _CURVES, "valid_nll", "NLL")
    if isinstance(figure, Omitted):
        return [figure]
    dropout = subject.config.get("training", {}).get("dropout")
    apart = (
        " The training line is the mean loss of an epoch's events before the weights have learnt from them"
        f"{f', with a dropout of {dropout:g}' if dropout else ''}; the validation line is a mean over users, by the "
        "weights at the end of the epoch. So how they move can be compared, but not their height."
    )
    return [replace(figure, caption=figure.caption + apart)]
