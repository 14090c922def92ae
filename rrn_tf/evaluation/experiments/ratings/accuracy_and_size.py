"""Figure 1 of the RRN paper: accuracy against the size of models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rrn_tf.evaluation.experiments.drawing import MARKERS, count_axis, label_beside
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure
from rrn_tf.evaluation.experiments.held_out import HeldOut, held_out, nothing_held_out
from rrn_tf.evaluation.experiments.sentences import listed
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.evaluation.protocols import PROTOCOLS

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ORDER = 30
TITLE = "Accuracy against size"
SOURCE = "Wu et al., WSDM 2017, Figure 1"

_NAME = "accuracy_and_size"


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Draws RMSE against the number of values that a model stores, a figure for each protocol."""
    found = [_figure(protocol, of) for protocol in PROTOCOLS if (of := held_out(subject, protocol))]
    return found or [nothing_held_out(_NAME, TITLE)]


def _figure(protocol: str, of: HeldOut) -> Figure:
    names = list(of.models)
    frame = pd.DataFrame(
        {
            "model": names,
            "parameters": [of.models[name].parameters for name in names],
            "RMSE": [of.rmse(name) for name in names],
        }
    )

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        size = np.maximum(frame["parameters"].to_numpy(np.float64), 1)
        for number, (at, error) in enumerate(zip(size, frame["RMSE"], strict=True)):
            axes.plot(at, error, MARKERS[number % len(MARKERS)], markersize=10 if number == 0 else 6)
        count_axis(axes, size)
        axes.set_xlabel("number of values that the model stores (logarithmic)")
        axes.set_ylabel("RMSE (lower is better)")
        label_beside(axes, size, frame["RMSE"], names)

    return Figure(f"{_NAME}_{protocol}", f"{TITLE}, {protocol}", _caption(protocol, of, frame), frame, draw)


def _caption(protocol: str, of: HeldOut, frame: pd.DataFrame) -> str:
    own, others = frame.iloc[0], frame.iloc[1:]
    sentences = [
        (
            f"The RMSE on {of.called} ({protocol} protocol) of each model, by the number of values that it stores; the "
            f"larger marker is the {of.rrn}'s, with {own['RMSE']:.4f} and {own['parameters']:,} values. Models in the "
            "lower left corner are small and accurate."
        )
    ]
    if len(others):
        smaller = others[(others["parameters"] <= own["parameters"]) & (others["RMSE"] <= own["RMSE"])]
        sentences.append(
            f"Smaller and no less accurate: {listed(list(smaller['model']))}."
            if len(smaller)
            else f"No model that is smaller than the {of.rrn} is as accurate."
        )
    return " ".join(sentences) + of.caution
