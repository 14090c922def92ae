"""Figure 11 of the RRN paper: what new ratings are worth without training again, by fluctuation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.evaluation.binned import Line, binned_means, binned_rmse_gain, equal_bins, fitted_line
from rrn_tf.evaluation.experiments.drawing import Series, draw_series, draw_zero, ink
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted
from rrn_tf.evaluation.experiments.held_out import HeldOut, held_out, nothing_held_out
from rrn_tf.evaluation.experiments.sentences import counted, established, with_error
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.evaluation.fluctuation import chance_fluctuation, fluctuation
from rrn_tf.evaluation.metrics import rmse_difference
from rrn_tf.evaluation.protocols import FROZEN, STREAMING
from rrn_tf.features import SIDES, Side, Split

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

ORDER = 110
TITLE = "Gain from new ratings without training again, by fluctuation"
SOURCE = "Wu et al., WSDM 2017, Figure 11"

_NAME = "gain_without_retraining"
_SPANS = 4  # of the held-out time, as the weeks of the paper's testing month
_LEAST = (25, 10, 5, 3)  # ratings in a span; the paper has 100 in the month
_ENOUGH, _FEWEST = 30, 10  # entities with which the first of _LEAST is taken, and without which there is no figure
_BINS, _IN_A_BIN = 6, 5  # most bins, and entities in each on average


class _Gains(NamedTuple):
    """What a figure shows of one side.

    Attributes:
      frame: a row for each bin of fluctuations.
      line: of the gain by fluctuation.
      mean, chance: means of the fluctuation over entities, and of what chance alone gives.
      least: the fewest ratings of a span.
      overall: the gain and its standard error, of all ratings in the figure.
    """

    frame: pd.DataFrame
    line: Line
    mean: float
    chance: float
    least: int
    overall: tuple[float, float]


def exhibits(subject: RatingSubject) -> Sequence[Exhibit]:
    """Draws the RMSE of frozen states less that of states that new ratings have moved, for items and for users."""
    frozen, streaming = (held_out(subject, protocol) for protocol in (FROZEN, STREAMING))
    if frozen is None:
        return [nothing_held_out(_NAME, TITLE)]
    if streaming is None:
        return [Omitted(_NAME, TITLE, "There are no predictions of the streaming protocol to compare with.")]
    return [_exhibit(subject, side, frozen, streaming) for side in reversed(SIDES)]


def _exhibit(subject: RatingSubject, side: Side, frozen: HeldOut, streaming: HeldOut) -> Exhibit:
    name, title = f"{_NAME}_{side.value}s", f"{TITLE} of {side.value}s"
    gains = _gains(subject, side, frozen, streaming)
    if gains is None:
        return Omitted(
            name,
            title,
            f"Fewer than {_FEWEST} {side.value}s of the {frozen.kind} ratings have {_LEAST[-1]} held-out ratings in "
            f"each of two spans of the held-out time (there are {_SPANS}), so there is no fluctuation to measure; "
            "data with more ratings after the cutoff have one.",
        )
    frame = gains.frame

    def draw(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.plot(
            frame["fluctuation"], frame["line"], color=ink(axes), linewidth=1, linestyle="--", label="fitted line"
        )
        draw_series(
            axes,
            [Series("gain", frame["fluctuation"], frame["gain"], frame["standard error"])],
            f"fluctuation of the {side.value}: best span less worst, in rating points",
            "gain in RMSE from new ratings",
        )
        draw_zero(axes)
        axes.legend()

    return Figure(name, title, _caption(gains, side, frozen), frame, draw)


def _gains(subject: RatingSubject, side: Side, frozen: HeldOut, streaming: HeldOut) -> _Gains | None:
    later = subject.sequences.interactions([split for split in Split if split is not Split.TRAIN], unseen=True)
    owner = later.user if side is Side.USER else later.item
    entity = (frozen.ratings.user if side is Side.USER else frozen.ratings.item).astype(np.int64)
    span = _spans(later.timestamp)
    for least in _LEAST:
        moved = np.append(fluctuation(owner, span, later.rating, least), np.nan)
        known = np.isfinite(moved[entity])
        entities = np.unique(entity[known])
        if len(entities) >= _ENOUGH:
            break
    if len(entities) < _FEWEST:
        return None
    chance = chance_fluctuation(owner, span, later.rating, least)
    errors = [of.errors(of.rrn)[known] for of in (streaming, frozen)]
    user, x, entity = frozen.ratings.user[known], moved[entity[known]], entity[known]
    actual = frozen.ratings.rating[known]
    predicted = [of.models[of.rrn].rating[known] for of in (frozen, streaming)]
    bin_of = equal_bins(x, min(_BINS, len(entities) // _IN_A_BIN))
    bins = int(bin_of.max()) + 1
    table = binned_rmse_gain(errors[0], errors[1], bin_of, bins, user)
    means = binned_means(x, bin_of, bins, user)["mean"]
    line = fitted_line(x, _parts_of_gain(errors[0], errors[1]), entity)
    _, first = np.unique(entity, return_index=True)
    frame = pd.DataFrame(
        {
            "fluctuation": means,
            "from": np.array([x[bin_of == one].min() for one in range(bins)]),
            "to": np.array([x[bin_of == one].max() for one in range(bins)]),
            "frozen RMSE": table["reference_rmse"],
            "streaming RMSE": table["rmse"],
            "gain": table["gain"],
            "standard error": table["standard_error"],
            "line": line.intercept + line.slope * means,
            f"{side.value}s": np.bincount(bin_of[first], minlength=bins),
            "ratings": table["n"],
        }
    )
    overall = rmse_difference(predicted[0], predicted[1], actual, user)
    return _Gains(frame, line, float(moved[entities].mean()), float(chance[entities].mean()), least, overall)


def _spans(timestamp: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Divides the held-out time into spans of equal length: int64[N]."""
    first, length = int(timestamp.min()), int(np.ptp(timestamp)) + 1
    return (timestamp - first) * _SPANS // length


def _parts_of_gain(streaming: npt.NDArray[np.float64], frozen: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Divides the gain in RMSE among the ratings: their mean is the gain, since a^2 - b^2 = (a - b) (a + b)."""
    total = np.sqrt(np.mean(streaming**2)) + np.sqrt(np.mean(frozen**2))
    return (frozen**2 - streaming**2) / (total or 1)


def _caption(gains: _Gains, side: Side, of: HeldOut) -> str:
    frame, line = gains.frame, gains.line
    one, many = side.value, f"{side.value}s"
    slope = with_error(line.slope, line.standard_error)
    sentences = [
        (
            f"By how much the {of.rrn}'s RMSE falls if the ratings since training have moved its states, with "
            f"nothing trained again: the frozen less the streaming RMSE, on {frame['ratings'].sum():,} {of.kind} "
            f"ratings of {counted(int(frame[many].sum()), one)}, by the {one}'s fluctuation. That is the mean rating "
            f"of its best span of the held-out time less that of its worst, of {_SPANS} spans of equal length, where "
            f"spans in which it has fewer than {gains.least} ratings do not count. Bars are one standard error, with "
            "users as the sampling unit."
        ),
        f"Over all of these ratings the gain is {with_error(*gains.overall)}.",
    ]
    if np.isnan(line.slope):
        sentences.append(f"All {many} fluctuate alike, so there is no slope.")
    else:
        verdict = (
            f"so the gain {'grows' if line.slope > 0 else 'shrinks'} with the fluctuation"
            if established(line.slope, line.standard_error)
            else "which is within two standard errors of none: these ratings do not establish that the gain depends on "
            "the fluctuation"
        )
        sentences.append(
            f"The fitted line rises by {slope} for each rating point of fluctuation (standard error with {many} as the "
            f"sampling unit), {verdict}; in the paper it grows."
        )
    sentences.append(
        f"A mean of few ratings fluctuates by chance: of the mean fluctuation, {gains.mean:.2f}, the same ratings in "
        f"shuffled order have {gains.chance:.2f}."
    )
    return " ".join(sentences) + of.caution
