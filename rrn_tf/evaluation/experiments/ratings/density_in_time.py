"""Figure 2 of the RRN paper: when ratings of training and test were given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rrn_tf.evaluation.experiments.drawing import DASHES, ink
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure
from rrn_tf.evaluation.experiments.sentences import counted, day
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.features import Split

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ORDER = 40
TITLE = "Density of the ratings in time"
SOURCE = "Wu et al., WSDM 2017, Figure 2"

_SPANS = 40
_DAY = 86_400
_PARTS = {
    "training": (Split.TRAIN,),
    "validation": (Split.VALID, Split.VALID_COLD),
    "test": (Split.TEST, Split.TEST_COLD),
}


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Draws which share of the ratings of each part lies in each span of time."""
    user = subject.sequences.user
    first, last = int(user.timestamp.min()), int(user.timestamp.max())
    edges = np.unique(np.linspace(first, last + 1, _SPANS + 1).astype(np.int64))
    parts = {name: user.timestamp[np.isin(user.split, splits)] for name, splits in _PARTS.items()}
    parts = {name: times for name, times in parts.items() if len(times)}
    counts = {name: np.histogram(times, edges)[0] for name, times in parts.items()}
    frame = pd.DataFrame({"from": [day(edge) for edge in edges[:-1]], **counts})
    days = np.diff(edges) / _DAY

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        at = edges.astype("datetime64[s]").astype("datetime64[ms]")
        for number, (name, count) in enumerate(counts.items()):
            axes.stairs(
                count / count.sum() / days,
                at,
                label=f"{name} ({count.sum():,} ratings)",
                linestyle=DASHES[number],
                linewidth=1.8,
            )
        axes.axvline(
            np.datetime64(subject.sequences.metadata.cutoff, "s").astype("datetime64[ms]"),
            color=ink(axes),
            linewidth=0.8,
        )
        axes.set_ylabel("share of the ratings per day")
        axes.set_ylim(bottom=0)
        axes.legend()
        canvas.autofmt_xdate()

    return [Figure("density_in_time", TITLE, _caption(subject, parts), frame, draw)]


def _caption(subject: RatingSubject, parts: dict[str, np.ndarray]) -> str:
    cutoff = subject.sequences.metadata.cutoff
    sentences = [
        (
            "How the ratings of each part are spread over time: each line is the share of the part's own ratings "
            "per day, so that parts of different sizes can be compared. The vertical line is the end of training, "
            f"{day(cutoff)} (UTC)."
        )
    ]
    for name, times in parts.items():
        if name == "training":
            half = np.median(times)
            sentences.append(
                f"Half of the {counted(len(times), 'training rating')} were given after {day(half)}, in the last "
                f"{(cutoff - half) / max(cutoff - times.min(), 1):.0%} of the training time."
            )
    if len(parts) > 1 and min(times.min() for name, times in parts.items() if name != "training") >= cutoff:
        sentences.append(
            "Unlike the set in the paper's figure, whose test ratings lie among the training ratings, these are "
            "predictions of the future: no held-out rating is earlier than a training rating."
        )
    return " ".join(sentences)
