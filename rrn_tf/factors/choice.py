"""Which Bayesian factors: after how many sweeps, and how fast they move, by validation ratings."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import take_rows
from rrn_tf.data.interactions import Interactions, clipped_rmse
from rrn_tf.data.rows import SideRatings
from rrn_tf.factors.beliefs import Beliefs, expected_ratings
from rrn_tf.factors.filter import FactorFilter
from rrn_tf.factors.fit import FittedFactors, fit_factors
from rrn_tf.features import SIDES, Side

DRIFTS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_FIRST_DRIFT = 0.01  # also without validation ratings
_MOST_SWEEPS, _PATIENCE, _DEFAULT_SWEEPS = 40, 4, 12
_MOST_FOLLOWED = 50_000  # ratings
_BETTER = 1e-4  # share of the error by which a sweep must be better to count


@dataclass(frozen=True)
class ChosenFactors:
    """Factors and what chose them.

    Attributes:
      fitted: with the chosen drift.
      sweeps: how many.
      frozen_rmse, streaming_rmse: on the validation ratings; NaN without.
    """

    fitted: FittedFactors
    sweeps: int
    frozen_rmse: float
    streaming_rmse: float


def choose_sweeps(train: Interactions, valid: Interactions, factors: int, seed: int = 0) -> ChosenFactors:
    """Fits factors to training ratings, until the validation ratings that they know nothing of get no better.

    Args:
      train, valid: over the same entity indices; without validation ratings a usual number of sweeps is made.
      factors: k.
      seed: of the first factors.
    """
    entities, limits = (train.num_users, train.num_items), (float(train.rating.min()), float(train.rating.max()))
    sweeps = fit_factors(train.user, train.item, train.rating, entities, factors, seed)
    best: ChosenFactors | None = None
    for sweep, fitted in enumerate(itertools.islice(sweeps, _MOST_SWEEPS if len(valid) else _DEFAULT_SWEEPS), start=1):
        users, items = (
            fitted.beliefs[side].standing[of] for side, of in zip(SIDES, (valid.user, valid.item), strict=True)
        )
        found = clipped_rmse(expected_ratings(users, items, fitted.scale.mean), valid.rating, limits)
        if best is None or not len(valid) or found < (1 - _BETTER) * best.frozen_rmse:
            best = ChosenFactors(fitted, sweep, found, float("nan"))
        elif sweep - best.sweeps >= _PATIENCE:
            break
    assert best is not None
    return best


def choose_drift(
    chosen: ChosenFactors,
    later: SideRatings,
    scored: npt.NDArray[np.bool_],
    cutoff: int,
    entities: dict[Side, int],
    rating_range: tuple[float, float],
) -> ChosenFactors:
    """Sets how fast later ratings move factors: what foresees them best, each revealed after it was predicted.

    Args:
      chosen: factors.
      later: N ratings after the cutoff that are revealed; the earliest 50,000 count.
      scored: bool[N], validation ratings among them.
      cutoff: unix seconds.
      entities: per side, number of all entities.
      rating_range: of the training ratings, to which predictions are clipped.
    """
    fitted, rmse_of = chosen.fitted, dict[tuple[int, int], float]()
    # The earliest tell enough, and each drift that is tried follows them all.
    earliest = np.argsort(later.timestamp, kind="stable")[:_MOST_FOLLOWED]
    later, scored = take_rows(later, earliest), scored[earliest]
    start = {side: enlarged(fitted, side, entities[side]) for side in SIDES}
    if not scored.any():
        scale = fitted.scale._replace(drift=_FIRST_DRIFT, new_drift=_FIRST_DRIFT)
        return ChosenFactors(fitted._replace(scale=scale), chosen.sweeps, chosen.frozen_rmse, float("nan"))
    following = FactorFilter(later, start, cutoff)

    def error(places: tuple[int, int]) -> float:
        if places not in rmse_of:
            drift, new_drift = (DRIFTS[place] for place in places)
            scale = fitted.scale._replace(drift=drift, new_drift=new_drift)
            expected, *_ = following.run(fitted.set_vectors, scale)
            rmse_of[places] = clipped_rmse(expected[scored], later.rating[scored], rating_range)
        return rmse_of[places]

    best = (DRIFTS.index(_FIRST_DRIFT),) * 2
    for step in ((1, 1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1)):
        # Both together first, then each alone.
        while (tried := _next_places(best, step)) and error(tried) < error(best):
            best = tried
    drift, new_drift = (DRIFTS[place] for place in best)
    scale = fitted.scale._replace(drift=drift, new_drift=new_drift)
    return ChosenFactors(fitted._replace(scale=scale), chosen.sweeps, chosen.frozen_rmse, error(best))


def _next_places(places: tuple[int, int], step: tuple[int, int]) -> tuple[int, int] | None:
    """The next places among `DRIFTS`, if they are there."""
    tried = (places[0] + step[0], places[1] + step[1])
    return tried if all(0 <= place < len(DRIFTS) for place in tried) else None


def enlarged(fitted: FittedFactors, side: Side, entities: int) -> Beliefs:
    """What is believed of all of a side's entities, those without training ratings included."""
    return fitted.beliefs[side].enlarged(entities + 1, fitted.scale.prior(side))
