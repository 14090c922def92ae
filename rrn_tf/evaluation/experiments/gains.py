"""Figures 9 and 10 of the RRN paper: where the RRN gains, by the number of training ratings of a user or an item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.evaluation.binned import binned_rmse_gain
from rrn_tf.evaluation.experiments.drawing import Series, draw_series, draw_zero
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure
from rrn_tf.evaluation.experiments.held_out import HeldOut, held_out, nothing_held_out, training_counts
from rrn_tf.evaluation.experiments.sentences import established, listed, with_error
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.evaluation.protocols import FROZEN, STREAMING
from rrn_tf.features import Side

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_THE_PAPERS = "PMF"  # the baseline of Figures 9 and 10


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
    return found or [nothing_held_out(name, title)]


def count_bins(count: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], pd.DataFrame]:
    """Divides numbers of ratings into bins that double in width: 0, 1, 2, 3-4, 5-8 and so on.

    Args:
      count: int64[N].

    Returns:
      int64[N], the bin of each; and a row for each bin that is not empty, with `from` and `to`, its smallest and
      largest number.

    Example:
      >>> count_bins(np.array([0, 7, 1, 5]))[0]
      array([0, 2, 1, 2])
    """
    doubling = np.where(count > 0, np.ceil(np.log2(np.maximum(count, 1))).astype(np.int64) + 1, 0)
    found, bin_of = np.unique(doubling, return_inverse=True)
    lowest = np.where(found > 1, 2.0 ** (found - 2) + 1, found)
    highest = np.where(found > 0, 2.0 ** (found - 1), 0)
    return bin_of.astype(np.int64), pd.DataFrame({"from": lowest, "to": highest}).astype(np.int64)


def _figure(of: HeldOut, counts: npt.NDArray[np.int64], side: Side, protocol: str, name: str, title: str) -> Figure:
    entity = of.ratings.user if side is Side.USER else of.ratings.item
    bin_of, bins = count_bins(counts[entity])
    _, first = np.unique(entity, return_index=True)
    bins[f"{side.value}s"] = np.bincount(bin_of[first], minlength=len(bins))
    baselines = dict.fromkeys(model for model in (_THE_PAPERS, of.best_baseline) if model in of.models)
    parts = {}
    for baseline in baselines:
        table = binned_rmse_gain(of.errors(of.rrn), of.errors(str(baseline)), bin_of, len(bins), of.ratings.user)
        table = table.rename(
            columns={
                "rmse": f"RMSE of {of.rrn}",
                "reference_rmse": "RMSE",
                "standard_error": "standard error",
                "n": "ratings",
            }
        )
        parts[str(baseline)] = pd.concat([bins, table.drop(columns=["bin", "clusters"])], axis=1)
    frame = pd.concat(parts, names=["baseline"]).reset_index("baseline")

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
            f"gain of the {of.rrn} in RMSE" + ("" if len(parts) > 1 else f" over {next(iter(parts))}"),
        )
        draw_zero(axes)
        axes.set_xticks(np.arange(len(bins)), [f"{_span(*row)}\n{row[2]:,}" for row in bins.to_numpy()])

    return Figure(name, title, _caption(of, parts, side, protocol), frame, draw)


def _span(lowest: int, highest: int, *_: int) -> str:
    return f"{lowest:,}" if lowest == highest else f"{lowest:,}-{highest:,}"


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
        verdict = "" if established(gain, error) else ", which is within two standard errors"
        sentences.append(
            f"Over all of these ratings the {of.rrn}'s RMSE is {'lower' if gain >= 0 else 'higher'} than {baseline}'s "
            f"by {with_error(abs(gain), error, '.4f')}{verdict}."
        )
        if len(part) > 1:
            sentences.append(_where(part, side, baseline))
    return " ".join(sentences) + of.caution


def _where(part: pd.DataFrame, side: Side, baseline: str) -> str:
    """Says for which numbers of training ratings a gain or a loss is established."""
    sure = [established(gain, error) for gain, error in zip(part["gain"], part["standard error"], strict=True)]
    said = []
    for word, mask in (("gain", part["gain"] > 0), ("loss", part["gain"] < 0)):
        rows = part[mask & sure]
        if len(rows):
            spans = listed([_span(row["from"], row["to"]) for _, row in rows.iterrows()])
            said.append(f"a {word} over {baseline} for {side.value}s with {spans} training ratings")
    if not said:
        return f"For no number of training ratings is a difference to {baseline} established."
    return f"Beyond two standard errors there is {' and '.join(said)}."
