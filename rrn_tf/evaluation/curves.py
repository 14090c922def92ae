"""Curves that average several units, such as items, and what they say, with the standard errors of those units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """A number and its standard error, which is NaN where it cannot be told."""

    value: float
    error: float


class Curve(NamedTuple):
    """The average of units at T places along an axis.

    Attributes:
      mean: float64[T].
      influence: float64[K, T], what each of K units adds to the deviation of the mean from its expectation; the
        squares' sum is the variance.
      units: int64[T], how many units are averaged at each place.
    """

    mean: Floats
    influence: Floats
    units: npt.NDArray[np.int64]

    @property
    def errors(self) -> Floats:
        """float64[T], the standard error of the mean at each place."""
        return _error(self.influence)

    def combination(self, weights: npt.ArrayLike) -> Estimate:
        """Weighs the places and sums; what the units have in common cancels where the weights sum to zero.

        Args:
          weights: float[T].
        """
        weights = np.asarray(weights, np.float64)
        used = weights != 0
        error = _error(self.influence[:, used] @ weights[used])
        return Estimate(float(self.mean[used] @ weights[used]), float(error))

    def change(self, before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]) -> Estimate:
        """The mean at some places less the mean at others, bool[T] each; NaN where there are none."""
        if not before.any() or not after.any():
            return Estimate(float("nan"), float("nan"))
        return self.combination(after / after.sum() - before / before.sum())

    def allowing_for(self, others: Curve) -> Curve:
        """Returns the same mean, with the errors of other units that were drawn independently, such as users."""
        return self._replace(influence=np.concatenate([self.influence, others.influence]))


def mean_curve(values: npt.ArrayLike, known: npt.NDArray[np.bool_] | None = None) -> Curve:
    """Averages units that are known at some places only.

    Who is known must not look like a change: from a place to the next the mean moves by the average move of the units
    that are known at both. Its level is the average at the place where most units are known.

    Args:
      values: float[K, T], a row for each unit.
      known: bool[K, T], where each unit is known; everywhere by default.

    Returns:
      The curve. Its mean is NaN beyond places that no unit bridges, its errors where a single one does.

    Example:
      >>> late = np.array([[1.0, 2.0, 3.0], [0.0, 8.0, 9.0]])
      >>> mean_curve(late, np.array([[True, True, True], [False, True, True]])).mean.tolist()
      [4.0, 5.0, 6.0]
    """
    values = np.asarray(values, np.float64)
    known = np.ones(values.shape, bool) if known is None else known
    values, units = np.where(known, values, 0), known.sum(axis=0)
    level = int(np.argmax(units)) if len(units) else 0
    both = known[:, 1:] & known[:, :-1]
    moves = np.where(both, np.diff(values, axis=1), 0)
    influence = np.zeros(values.shape)
    mean = np.zeros((1, len(units)))
    if len(units):
        mean[:, level], influence[:, level] = _mean(values[:, level], known[:, level])
        for place in range(level + 1, len(units)):
            step, of = _mean(moves[:, place - 1], both[:, place - 1])
            mean[:, place], influence[:, place] = mean[:, place - 1] + step, influence[:, place - 1] + of
        for place in range(level - 1, -1, -1):
            step, of = _mean(moves[:, place], both[:, place])
            mean[:, place], influence[:, place] = mean[:, place + 1] - step, influence[:, place + 1] - of
    return Curve(mean[0], influence, units)


def _mean(values: Floats, known: npt.NDArray[np.bool_]) -> tuple[float, Floats]:
    """Returns the mean of the known units float64[K], and their influences on it."""
    count = int(known.sum())
    if not count:
        return float("nan"), np.full(len(values), np.nan)
    mean = float(values[known].mean())
    if count == 1:
        return mean, np.full(len(values), np.nan)
    # The variance of a mean of n is estimated with n - 1.
    return mean, np.where(known, values - mean, 0) / np.sqrt(count * (count - 1.0))


def least_squares(regressors: Sequence[Floats]) -> Floats:
    """Returns the weights that `Curve.combination` takes to regress a curve: float64[R, T], a row for each of R
    regressors float64[T]."""
    return np.linalg.pinv(np.stack(regressors, axis=1))


def _error(influence: Floats) -> Floats:
    if len(influence) < 2:
        return np.full(influence.shape[1:], np.nan)
    return np.sqrt((influence**2).sum(axis=0))
