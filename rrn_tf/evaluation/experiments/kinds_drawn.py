"""Draws the error of models by kind of event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rrn_tf.evaluation.experiments.drawing import Series, draw_series, ink
from rrn_tf.evaluation.experiments.scored_events import ERROR, KIND, MODEL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_APART = 0.08  # distance of the points of neighbouring models, where kinds are one apart


def draw_nll_by_kind(axes: Axes, frame: pd.DataFrame, labels: dict[str, str], uniform: float | None = None) -> None:
    """Draws the NLL of each kind and model, with bars of one standard error to each side.

    Args:
      axes: to draw on.
      frame: the result of `ScoredEvents.by_kind`.
      labels: how each kind that occurs is called below the axis, by its name, in order.
      uniform: the NLL of a model that finds all items equally likely, as a line; None for no line.
    """
    place = {kind: at for at, kind in enumerate(labels)}
    models = frame[MODEL].unique()
    shift = _APART * (np.arange(len(models)) - (len(models) - 1) / 2)
    series = [
        Series(name, rows[KIND].map(place) + by, rows["NLL"], rows[ERROR])
        for by, (name, rows) in zip(shift, frame.groupby(MODEL, sort=False), strict=True)
    ]
    draw_series(axes, series, "", "NLL in nats (lower is better)")
    axes.set_xticks(range(len(labels)), [*labels.values()])
    axes.set_xlim(-0.5, len(labels) - 0.5)
    if uniform is not None:
        axes.axhline(uniform, color=ink(axes), linewidth=0.8)
        axes.annotate(
            "all items equally likely", (1, uniform), xycoords=("axes fraction", "data"), ha="right", va="bottom",
            fontsize="small",
        )  # fmt: skip
