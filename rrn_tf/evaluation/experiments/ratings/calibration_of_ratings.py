"""Calibration: whether ratings are, on average, what is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rrn_tf.evaluation.calibration import calibration, calibration_line
from rrn_tf.evaluation.experiments.drawing import Series, draw_series, ink
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure
from rrn_tf.evaluation.experiments.held_out import HeldOut, held_out, nothing_held_out
from rrn_tf.evaluation.experiments.sentences import doubt, established, with_error
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.evaluation.protocols import PROTOCOLS

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ORDER = 130
TITLE = "Calibration: predicted against observed ratings"
SOURCE = ""

_NAME = "calibration"


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Draws the mean rating by predicted rating, a figure for each protocol."""
    found = [_figure(protocol, of) for protocol in PROTOCOLS if (of := held_out(subject, protocol))]
    return found or [nothing_held_out(_NAME, TITLE)]


def _figure(protocol: str, of: HeldOut) -> Figure:
    names = [name for name in (of.rrn, of.best_baseline) if name]
    tables = {
        name: calibration(of.models[name].rating, of.ratings.rating, of.ratings.user).rename(
            columns={"standard_error": "standard error", "n": "ratings", "clusters": "users"}
        )
        for name in names
    }
    frame = pd.concat(tables, names=["model"]).reset_index("model")

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        ends = np.array([frame["predicted"].min(), frame["predicted"].max()])
        axes.plot(ends, ends, color=ink(axes), linewidth=0.8, linestyle="-", label="as predicted")
        draw_series(
            axes,
            [
                Series(name, part["predicted"], part["observed"], part["standard error"])
                for name, part in tables.items()
            ],
            "mean predicted rating",
            "mean observed rating",
        )

    return Figure(f"{_NAME}_{protocol}", f"{TITLE}, {protocol}", _caption(protocol, of, tables[of.rrn]), frame, draw)


def _caption(protocol: str, of: HeldOut, own: pd.DataFrame) -> str:
    line = calibration_line(of.models[of.rrn].rating, of.ratings.rating, of.ratings.user)
    bias = float(-of.errors(of.rrn).mean())
    gap = own["observed"] - own["predicted"]
    off = [established(*row) for row in zip(gap, own["standard error"], own["users"], strict=True)]
    sentences = [
        (
            f"The {of.called} ({protocol} protocol) in groups of equally many, by what is predicted for them: a "
            "calibrated model's points lie on the thin line. Bars are one standard error of observed less "
            "predicted, with users as the sampling unit."
        ),
        (
            f"On average the ratings are {abs(bias):.3f} {'above' if bias >= 0 else 'below'} what the {of.rrn} "
            f"predicts; {sum(off)} of its {len(own)} groups are off by more than two standard errors."
        ),
    ]
    if not np.isnan(line.slope):
        if established(line.slope - 1, line.standard_error):
            meaning = (
                "its predictions lie too far apart" if line.slope < 1 else "its predictions lie too close together"
            )
        else:
            meaning = f"the difference to 1, the slope of a calibrated model, is {doubt(line.standard_error)}"
        sentences.append(
            "Where its prediction is a point higher, the rating is "
            f"{with_error(line.slope, line.standard_error, '.3f')} points higher: {meaning}."
        )
    return " ".join(sentences) + of.caution
