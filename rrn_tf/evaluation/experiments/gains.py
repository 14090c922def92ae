"""Figures 9 and 10 of the RRN paper: where the RRN gains, by the number of training ratings of a user or an item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.evaluation.binned import binned_rmse_gain
from rrn_tf.evaluation.experiments.drawing import Series, draw_series, draw_zero
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted
from rrn_tf.evaluation.experiments.held_out import HeldOut, held_out, nothing_held_out, training_counts
from rrn_tf.evaluation.experiments.sentences import FEWEST_CLUSTERS, doubt, established, listed, with_error
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.evaluation.protocols import FROZEN, STREAMING
from rrn_tf.features import Side

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

FEWEST_IN_BIN = 5  # users
_WIDTH, _OF_A_BIN, _HEIGHT = 6.4, 0.68, 3.8  # inches
_THE_PAPERS = "PMF"  # what names of the baseline of Figures 9 and 10 begin with


def gains_by_count(subject: RatingSubject, side: Side, name: str, title: str) -> Sequence[Exhibit]:
    """Draws by how much the RRN's RMSE is below that of baselines, by number of training ratings.

    Args:
      subject: the run.
      side: whose training ratings count.
      name, title: of the figure.

    Returns:
      A figure for each protocol; under the streaming one users and items without training ratings are included.
    """
    found = [
        _figure(of, training_counts(subject, side), side, protocol, f"{name}_{protocol}", f"{title}, {protocol}")
        for protocol in (FROZEN, STREAMING)
        if (of := held_out(subject, protocol, unseen=True)) and of.best_baseline
    ]
    if not found and held_out(subject, FROZEN):
        return [Omitted(name, title, "There is no baseline to compare the predictions with.")]
    return found or [nothing_held_out(name, title)]


def count_bins(
    count: npt.NDArray[np.int64], clusters: npt.NDArray[np.integer], fewest: int = FEWEST_IN_BIN
) -> tuple[npt.NDArray[np.int64], pd.DataFrame]:
    """Divides numbers of ratings into bins that double in width: 0, 1, 2, 3-4, 5-8 and so on.

    Args:
      count: int64[N].
      clusters: int[N], the user of each.
      fewest: bins of fewer users are joined with the next larger ones; the last bin with the one before it.

    Returns:
      int64[N], the bin of each; and a row for each bin, with `from` and `to`, its smallest and largest number.

    Example:
      >>> count_bins(np.array([0, 7, 1, 5]), np.array([1, 2, 3, 4]), fewest=1)[0]
      array([0, 2, 1, 2])
    """
    doubling = np.where(count > 0, np.ceil(np.log2(np.maximum(count, 1))).astype(np.int64) + 1, 0)
    found, place = np.unique(doubling, return_inverse=True)
    users = pd.Series(clusters).groupby(place).nunique().to_numpy()
    joined, filled = np.zeros(len(found), np.int64), 0
    for at, number in enumerate(users[:-1]):
        filled += number
        full = filled >= fewest and users[at + 1 :].sum() >= fewest
        joined[at + 1] = joined[at] + full
        filled = 0 if full else filled
    bins = pd.DataFrame({"count": count, "bin": joined[place]}).groupby("bin")["count"].agg(["min", "max"])
    return joined[place], bins.set_axis(["from", "to"], axis=1).reset_index(drop=True)


def _figure(of: HeldOut, counts: npt.NDArray[np.int64], side: Side, protocol: str, name: str, title: str) -> Figure:
    entity = of.ratings.user if side is Side.USER else of.ratings.item
    bin_of, bins = count_bins(counts[entity], of.ratings.user)
    _, first = np.unique(entity, return_index=True)
    bins[f"{side.value}s"] = np.bincount(bin_of[first], minlength=len(bins))
    of_the_paper = min((model for model in of.models if model.startswith(_THE_PAPERS)), key=of.rmse, default=None)
    baselines = dict.fromkeys(str(model) for model in (of_the_paper, of.best_baseline) if model)
    parts = {}
    for baseline in baselines:
        table = binned_rmse_gain(of.errors(of.rrn), of.errors(baseline), bin_of, len(bins), of.ratings.user)
        table = table.rename(
            columns={
                "rmse": f"RMSE of {of.rrn}",
                "reference_rmse": "RMSE",
                "standard_error": "standard error",
                "n": "ratings",
                "clusters": "of users",
            }
        )
        parts[baseline] = pd.concat([bins, table.drop(columns="bin")], axis=1)
    frame = pd.concat(parts, names=["baseline"]).reset_index("baseline")

    size = (max(_WIDTH, _OF_A_BIN * len(bins)), _HEIGHT)

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        shift = np.linspace(-0.08, 0.08, len(parts)) if len(parts) > 1 else [0.0]
        draw_series(
            axes,
            [
                Series(f"over {baseline}", np.arange(len(bins)) + by, part["gain"], part["standard error"])
                for by, (baseline, part) in zip(shift, parts.items(), strict=True)
            ],
            f"training ratings of the {side.value} (below: number of {side.value}s)",
            f"gain of the {of.rrn} in RMSE",
        )
        draw_zero(axes)
        axes.legend()
        labels = [f"{_span(*row, short=True)}\n{row[2]:,}" for row in bins.to_numpy()]
        axes.set_xticks(np.arange(len(bins)), labels, fontsize="small")

    return Figure(name, title, _caption(of, parts, side, protocol), frame, draw, size)


def _span(lowest: int, highest: int, *_: int, short: bool = False) -> str:
    """Returns the numbers of a bin as text; if `short`, thousands are rounded to ``1.1k``."""
    texts = [f"{number / 1000:.1f}k" if short and number >= 1000 else f"{number:.0f}" for number in (lowest, highest)]
    return texts[0] if lowest == highest else "-".join(texts)


def _caption(of: HeldOut, parts: dict[str, pd.DataFrame], side: Side, protocol: str) -> str:
    sentences = [
        (
            f"By how much the {of.rrn}'s RMSE is below that of {listed(list(parts))}, on {of.called} ({protocol} "
            f"protocol), by the number of training ratings of the {side.value}. Points above zero are gains; bars "
            "are one standard error of the paired difference, with users as the sampling unit."
        )
    ]
    for baseline, part in parts.items():
        gain, error = of.gain_over(baseline)
        verdict = "" if established(gain, error) else f", which is {doubt(error)}"
        sentences.append(
            f"Over all of these ratings the {of.rrn}'s RMSE is {'lower' if gain >= 0 else 'higher'} than that of "
            f"{baseline} by {with_error(abs(gain), error, '.4f')}{verdict}."
        )
        if len(part) > 1:
            sentences.append(_where(part, side, baseline))
    return " ".join(sentences) + of.caution


def _where(part: pd.DataFrame, side: Side, baseline: str) -> str:
    """Says for which numbers of training ratings a gain or a loss is established."""
    rows_of_part = zip(part["gain"], part["standard error"], part["of users"], strict=True)
    sure = np.array([established(*row) for row in rows_of_part])
    said = []
    for word, mask in (("gain", part["gain"] > 0), ("loss", part["gain"] < 0)):
        rows = part[mask & sure]
        if len(rows):
            if len(rows) == len(part) > 1:
                return f"In every group of {side.value}s there is a {word} over {baseline} beyond two standard errors."
            spans = listed([_span(row["from"], row["to"]) for _, row in rows.iterrows()])
            said.append(f"a {word} over {baseline} for {side.value}s with {spans} training ratings")
    if not said:
        few = "" if (part["of users"] >= FEWEST_CLUSTERS).any() else f", since no group has {FEWEST_CLUSTERS} users"
        return f"For no group of {side.value}s is a difference to {baseline} established by itself{few}."
    return f"Beyond two standard errors, in groups of at least {FEWEST_CLUSTERS} users, there is {' and '.join(said)}."
