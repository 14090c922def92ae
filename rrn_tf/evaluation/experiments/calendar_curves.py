"""Average ratings along the calendar, and what they say of a change at a date and of the season."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.evaluation.average_ratings import AverageRatings
from rrn_tf.evaluation.curves import Curve, Estimate, least_squares, mean_curve

DAY, YEAR = 86_400, 365.25 * 86_400
_AROUND = 60 * DAY  # how long before and after a date is compared
_FEWEST = 3  # items to be averaged
_MOST = 1 / 6  # of all of the time, likewise


class CalendarFit(NamedTuple):
    """A yearly cycle, fitted beside a straight line and a change at a date.

    Attributes:
      change: `change_at` that date, less what the cycle makes of it.
      amplitude: of the cycle, half of the difference between its top and its bottom.
      top: the day of the year of its top, from 0.
    """

    change: Estimate
    amplitude: Estimate
    top: float


def calendar_curve(averages: AverageRatings, rated_from: npt.NDArray[np.int64], chosen: npt.ArrayLike) -> Curve:
    """Averages some items through time, each from its first rating on; errors are those of items and of users.

    Args:
      averages: the average ratings of I items.
      rated_from: int64[I], when each was first rated.
      chosen: bool[I], or positions of the items to average.
    """
    known = averages.timestamps >= rated_from[chosen][:, np.newaxis]
    curve = mean_curve(averages.of_items[chosen], known)
    curve = curve._replace(mean=np.where(curve.units < _FEWEST, np.nan, curve.mean))
    return curve.allowing_for(mean_curve(averages.of_users))


def change_at(curve: Curve, timestamps: npt.NDArray[np.int64], date: float) -> Estimate:
    """Computes by how much the average after a date, for 60 days or a sixth of the time, is above that before it."""
    return curve.change(*_sides(curve, timestamps, date))


def _sides(
    curve: Curve, timestamps: npt.NDArray[np.int64], date: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Returns the times before a date and those after it that are compared: bool[T] each."""
    span, seen = min(_AROUND, _MOST * np.ptp(timestamps)), np.isfinite(curve.mean)
    before = seen & (timestamps < date) & (timestamps >= date - span)
    # A time just after the date is left out: what the model knows then is from before the date.
    settled = date + span / 4
    return before, seen & (timestamps >= settled) & (timestamps < settled + span)


def largest_change(curve: Curve, timestamps: npt.NDArray[np.int64]) -> tuple[float, Estimate]:
    """Finds the date at which the average changes most, as `change_at`: unix seconds and the change."""
    changes = [change_at(curve, timestamps, date) for date in timestamps]
    sizes = [abs(change.value) if np.isfinite(change.value) else -1 for change in changes]
    # The edges of the calendar have less than the whole time on either side.
    inner = slice(len(sizes) // 8, len(sizes) - len(sizes) // 6)
    place = inner.start + int(np.argmax(sizes[inner]))
    return float(timestamps[place]), changes[place]


def calendar_fit(curve: Curve, timestamps: npt.NDArray[np.int64], date: float) -> CalendarFit | None:
    """Fits a yearly cycle and a change at a date (unix seconds); None for less than a year of times."""
    seen = np.isfinite(curve.mean)
    time = timestamps.astype(np.float64)
    before, after = _sides(curve, timestamps, date)
    if not seen.any() or np.ptp(time[seen]) < YEAR or not before.any() or not after.any():
        return None
    cycle = [np.cos(2 * np.pi * time / YEAR), np.sin(2 * np.pi * time / YEAR)]
    regressors = [np.ones(len(time)), (time - time.mean()) / YEAR, (time >= date).astype(float), *cycle]
    cosine, sine = (np.zeros(len(seen)) for _ in range(2))
    *_, cosine[seen], sine[seen] = least_squares([of[seen] for of in regressors])
    at = np.arctan2(curve.combination(sine).value, curve.combination(cosine).value)
    change = after / after.sum() - before / before.sum()
    change = change - (change @ cycle[0]) * cosine - (change @ cycle[1]) * sine
    return CalendarFit(
        curve.combination(change),
        curve.combination(np.cos(at) * cosine + np.sin(at) * sine),
        float(at / (2 * np.pi) * 365.25 % 365.25),
    )
