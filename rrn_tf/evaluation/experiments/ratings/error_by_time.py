"""How predictions age: the error by time since training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rrn_tf.evaluation.binned import binned_rmse, fitted_line
from rrn_tf.evaluation.experiments.drawing import Series, draw_series
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure
from rrn_tf.evaluation.experiments.held_out import HeldOut, held_out, nothing_held_out
from rrn_tf.evaluation.experiments.sentences import counted, doubt, established, with_error
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.evaluation.experiments.time_since import spans_since
from rrn_tf.evaluation.protocols import FROZEN, PROTOCOLS

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ORDER = 140
TITLE = "Error by time since training"
SOURCE = ""

_NAME = "error_by_time"


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Draws the RMSE by time since training, a figure for each protocol."""
    cutoff = subject.sequences.metadata.cutoff
    found = [_figure(protocol, of, cutoff) for protocol in PROTOCOLS if (of := held_out(subject, protocol))]
    return found or [nothing_held_out(_NAME, TITLE)]


def _figure(protocol: str, of: HeldOut, cutoff: int) -> Figure:
    names = [name for name in (of.rrn, of.best_baseline) if name]
    span, days = spans_since(of.ratings.timestamp, cutoff)
    rises = {name: _rise(of, name) for name in names}
    tables = {
        name: pd.concat([days, binned_rmse(of.errors(name), span, len(days), of.ratings.user)], axis=1)
        .drop(columns="bin")
        .rename(columns={"rmse": "RMSE", "standard_error": "standard error", "n": "ratings", "clusters": "users"})
        for name in names
    }
    frame = pd.concat(tables, names=["model"]).reset_index("model")

    def draw(canvas: Canvas) -> None:
        draw_series(
            canvas.subplots(),
            [Series(name, part["middle day"], part["RMSE"], part["standard error"]) for name, part in tables.items()],
            "days since training",
            "RMSE (lower is better)",
        )

    caption = _caption(protocol, of, frame, rises)
    return Figure(f"{_NAME}_{protocol}", f"{TITLE}, {protocol}", caption, frame, draw)


def _rise(of: HeldOut, model: str) -> tuple[float, float]:
    """Returns by how much a fitted line of the RMSE rises from the first to the last rating, and its standard error."""
    squares = of.errors(model) ** 2
    # A small change of the mean square is one of its root, times twice the root.
    parts = squares / (2 * np.sqrt(squares.mean()) or 1)
    line = fitted_line(of.ratings.timestamp - of.ratings.timestamp.min(), parts, of.ratings.user)
    length = float(np.ptp(of.ratings.timestamp))
    return line.slope * length, line.standard_error * length


def _caption(protocol: str, of: HeldOut, frame: pd.DataFrame, rises: dict[str, tuple[float, float]]) -> str:
    spans = frame.groupby("model").size().max()
    days = frame["to day"].max() - frame["from day"].min()
    sentences = [
        (
            f"The RMSE on {of.called} ({protocol} protocol) by how long after training they were given, in {spans} "
            f"span{'s' if spans > 1 else ''} of about equally many ratings; bars are one standard error, with users as "
            "the sampling unit."
        )
    ]
    if spans == 1:
        return f"{sentences[0]} All were given on one day, so nothing can be said of how predictions age.{of.caution}"
    for model, (rise, error) in rises.items():
        verdict = "" if established(rise, error) else f", which is {doubt(error)}"
        sentences.append(
            f"A line through all errors of the {model} moves by {with_error(rise, error)} over "
            f"{counted(round(days), 'day')}{verdict}."
        )
    if protocol == FROZEN:
        sentences.append("Nothing after training moves these predictions, so they may age; the streaming ones follow.")
    return " ".join(sentences) + of.caution
