"""Calibration: how often the items to which the network gives a probability are the next ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.evaluation.binned import binned_means
from rrn_tf.evaluation.experiments.drawing import Series, draw_series, ink
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted
from rrn_tf.evaluation.experiments.scored_events import (
    ERROR,
    MODEL,
    NOTHING_HELD_OUT,
    USERS,
    ScoredEvents,
    scored_events,
)
from rrn_tf.evaluation.experiments.sentences import counted, established, with_error
from rrn_tf.evaluation.experiments.subjects import EventSubject

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ORDER, TITLE, SOURCE = 50, "Calibration of the predicted probabilities", ""
NAME = "calibration"
# 1, 2, 5, 10 ... of a hundred thousand: nearly equal steps of a logarithmic axis, in round numbers.
EDGES = np.array([0, *(digit * 10.0**power for power in range(-5, 0) for digit in (1, 2, 5)), 1])
LOWEST, HIGHEST, PREDICTED, OBSERVED, ITEMS = "from", "to", "predicted", "observed", "predictions"


def exhibits(subject: EventSubject) -> list[Exhibit]:
    """Returns the figure of the calibration."""
    held = scored_events(subject)
    if held is None:
        return [Omitted(NAME, TITLE, NOTHING_HELD_OUT)]
    frames = [_binned(held, name) for name in held.chosen if held.models[name].likeliest is not None]
    if not frames or frames[0][MODEL].iloc[0] != held.network:
        return [Omitted(NAME, TITLE, f"The scores of the {held.network} do not tell its most probable items.")]
    frame = pd.concat(frames, ignore_index=True)

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        # A logarithmic axis has no place for bins of which nothing came.
        shown = frame[frame[OBSERVED] > 0]
        series = [Series(name, of[PREDICTED], of[OBSERVED], of[ERROR]) for name, of in shown.groupby(MODEL, sort=False)]
        axes.set_xscale("log")
        axes.set_yscale("log")
        draw_series(axes, series, "predicted probability", "share that were the next item")
        low, high = (of(shown[PREDICTED]) for of in (np.min, np.max)) if len(shown) else (EDGES[1], 1)
        axes.plot([low, high], [low, high], color=ink(axes), linewidth=0.8, linestyle="-", marker="")
        axes.set_ylim(min(low, shown[OBSERVED].min()) / 2 if len(shown) else EDGES[1], 1.1)

    return [Figure(NAME, TITLE, _caption(held, frame), frame, draw, (6.0, 4.6))]


def _predictions(held: ScoredEvents, model: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Returns float64[N, K], the probabilities of each event's most probable items, and which item came: bool[N, K]."""
    top = held.models[model].likeliest
    assert top is not None
    came = top.item == held.sequences.item[held.positions][:, np.newaxis]
    return np.minimum(np.exp(top.log_probability.astype(np.float64)), 1), came


def _binned(held: ScoredEvents, model: str) -> pd.DataFrame:
    """Computes, for each bin of predicted probabilities that occurs, their mean and how many of the items came."""
    probability, came = (of.ravel() for of in _predictions(held, model))
    user = np.repeat(held.user, len(probability) // len(held.user))
    bins = len(EDGES) - 1
    bin_of = np.minimum(np.searchsorted(EDGES, probability, "right") - 1, bins - 1)
    observed, gap = (binned_means(of, bin_of, bins, user) for of in (came, came - probability))
    by_chance = np.sqrt(np.bincount(bin_of, probability * (1 - probability), bins))
    frame = pd.DataFrame(
        {
            MODEL: model,
            LOWEST: EDGES[:-1],
            HIGHEST: EDGES[1:],
            PREDICTED: observed["mean"] - gap["mean"],
            OBSERVED: observed["mean"],
            # Of a bin of which nothing came, or all, what came has no spread, and one user has no spread between users.
            ERROR: np.fmax(gap["standard_error"], by_chance / np.maximum(observed["n"], 1)),
            ITEMS: observed["n"],
            USERS: observed["clusters"],
        }
    )
    return frame[frame[ITEMS] > 0].reset_index(drop=True)


def _caption(held: ScoredEvents, frame: pd.DataFrame) -> str:
    of = frame[frame[MODEL] == held.network]
    k = int(of[ITEMS].sum()) // len(held.positions)
    far = [established(gap, error) for gap, error in zip(of[OBSERVED] - of[PREDICTED], of[ERROR], strict=True)]
    probability, came = (first[:, 0] for first in _predictions(held, held.network))
    nothing = np.zeros(len(came), np.int64)
    gap = binned_means(came - probability, nothing, 1, held.user).iloc[0]
    top = with_error(100 * gap["mean"], 100 * gap["standard_error"], "+.1f")
    sentences = [
        (
            f"The {counted(k, 'most probable item')} before each of {held.described()}, with the probability that the "
            f"{held.network} gave {'it' if k == 1 else 'each of them'}: {counted(int(of[ITEMS].sum()), 'prediction')}, "
            "in bins of their probability. The higher a point, the more of a bin's predictions came true: on the line "
            "as many as predicted, below it fewer."
        ),
        (
            f"The single most probable item has a probability of {probability.mean():.1%} on average and came in "
            f"{came.mean():.1%} of the events, a difference of {top} percentage points, which is "
            f"{'' if established(gap['mean'], gap['standard_error']) else 'not '}established."
        ),
        (
            f"In {sum(far)} of {counted(len(of), 'bin')} the share differs from the prediction by more than two "
            "standard errors. Bars are one standard error to each side: that of the share less the prediction, with "
            "users as the sampling unit, or that of independent events with these probabilities where it is larger."
        ),
    ]
    if never := int((of[OBSERVED] == 0).sum()):
        sentences.append(f"{counted(never, 'bin')} of which nothing came cannot be drawn on this scale.")
    return " ".join(sentences)
