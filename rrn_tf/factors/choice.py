"""Chooses Bayesian factors by validation ratings: fitted or followed, the number of sweeps, and the drift."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import take_rows
from rrn_tf.data.interactions import Interactions, clipped_rmse
from rrn_tf.data.rows import SideRatings
from rrn_tf.factors.beliefs import Beliefs, expected_ratings
from rrn_tf.factors.filter import FactorFilter
from rrn_tf.factors.fit import FittedFactors, fit_factors
from rrn_tf.factors.followed import FollowedScale, as_side_ratings, factors_at_random, follow_training
from rrn_tf.features import SIDES, Side
from rrn_tf.slow_work import each, working

DRIFTS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_FIRST_DRIFT = 0.01  # of fitted factors: where the search starts, and the drift without validation ratings
_MOST_SWEEPS, _PATIENCE, _DEFAULT_SWEEPS = 40, 4, 12
_MOST_FOLLOWED = 50_000  # ratings
_BETTER = 1e-4  # fraction of the error by which a sweep or a step must improve to count
# Candidate values of each field of `FollowedScale`; the search begins in the middle.
_FOLLOWED = ((0.025, 0.05, 0.1, 0.2, 0.4), (0.007, 0.02, 0.06, 0.18, 0.5), (0.003, 0.01, 0.03, 0.1, 0.3))
_SEARCHED = 20_000  # the search uses as many of the latest training ratings, and of the earliest later ones
_WORTH_FOLLOWING = 1.02  # the search stops if its first error exceeds the fitted factors' streaming error times this


@dataclass(frozen=True)
class ChosenFactors:
    """Factors with their validation errors.

    Attributes:
      fitted: the factors, with the chosen drift.
      sweeps: number of sweeps; 0 for factors that followed the training ratings instead.
      frozen_rmse, streaming_rmse: on the validation ratings; NaN without validation ratings.
    """

    fitted: FittedFactors
    sweeps: int
    frozen_rmse: float
    streaming_rmse: float


def choose_sweeps(train: Interactions, valid: Interactions, factors: int, seed: int = 0) -> ChosenFactors:
    """Fits factors to training ratings until the error on the validation ratings no longer improves.

    Args:
      train, valid: over the same entity indices; without validation ratings the number of sweeps is a constant.
      factors: number k of factors.
      seed: of the initial factors.
    """
    entities, limits = (train.num_users, train.num_items), (float(train.rating.min()), float(train.rating.max()))
    sweeps = fit_factors(train.user, train.item, train.rating, entities, factors, seed)
    best: ChosenFactors | None = None
    most = _MOST_SWEEPS if len(valid) else _DEFAULT_SWEEPS
    for sweep, fitted in enumerate(each(itertools.islice(sweeps, most), "sweeps of the factors, at most", most), 1):
        found = frozen_rmse(fitted, valid, limits)
        if best is None or not len(valid) or found < (1 - _BETTER) * best.frozen_rmse:
            best = ChosenFactors(fitted, sweep, found, float("nan"))
        elif sweep - best.sweeps >= _PATIENCE:
            break
    assert best is not None
    return best


def choose_factors(
    train: Interactions,
    later: SideRatings,
    scored: npt.NDArray[np.bool_],
    entities: dict[Side, int],
    factors: int,
    seed: int = 0,
) -> ChosenFactors:
    """Chooses factors for both protocols: fitted to all training ratings at once, or following them one by one.

    Fitted factors describe an entity's average over its past; followed ones describe its present. The choice has the
    smaller sum of the frozen and the streaming validation error.

    Args:
      train: training ratings, over the same entity indices as the later ones.
      later: N ratings after the training ratings that are revealed.
      scored: bool[N], which of them are validation ratings.
      entities: per side, number of all entities.
      factors: number k of factors.
      seed: of the initial factors.
    """
    cutoff, limits = int(train.timestamp.max()) + 1, (float(train.rating.min()), float(train.rating.max()))
    known = scored & np.isin(later.entity, train.user) & np.isin(later.opposite, train.item)
    valid = Interactions(*take_rows(later, known)[:-1], train.num_users, train.num_items)
    # The earliest later ratings suffice, and each drift that is tried follows all of them.
    earliest = np.argsort(later.timestamp, kind="stable")[:_MOST_FOLLOWED]
    later, scored = take_rows(later, earliest), scored[earliest]
    fitted = choose_sweeps(train, valid, factors, seed)
    fitted = choose_drift(fitted, later, scored, cutoff, entities, limits)
    scale = _followed_scale(train, later, scored, entities, (factors, seed), fitted.streaming_rmse, limits)
    if scale is None:
        return fitted
    trained = {Side.USER: train.num_users, Side.ITEM: train.num_items}
    start = factors_at_random(train, trained, factors, seed, scale)
    at_end = follow_training(train, start)
    followed = ChosenFactors(at_end, 0, frozen_rmse(at_end, valid, limits), float("nan"))
    followed = choose_drift(followed, later, scored, cutoff, entities, limits)
    errors = [np.nansum([of.frozen_rmse, of.streaming_rmse]) for of in (fitted, followed)]
    return followed if errors[1] < errors[0] else fitted


def frozen_rmse(fitted: FittedFactors, ratings: Interactions, rating_range: tuple[float, float]) -> float:
    """Computes the RMSE on ratings of trained entities, predicted from the factors as training left them."""
    users, items = (
        fitted.beliefs[side].standing[of] for side, of in zip(SIDES, (ratings.user, ratings.item), strict=True)
    )
    return clipped_rmse(expected_ratings(users, items, fitted.scale.mean), ratings.rating, rating_range)


def choose_drift(
    chosen: ChosenFactors,
    later: SideRatings,
    scored: npt.NDArray[np.bool_],
    cutoff: int,
    entities: dict[Side, int],
    rating_range: tuple[float, float],
) -> ChosenFactors:
    """Chooses the drift that minimises the streaming error on later ratings, each revealed after its prediction.

    Args:
      chosen: the factors; those that followed the training ratings keep their drift.
      later: N ratings after the cutoff that are revealed.
      scored: bool[N], which of them are validation ratings.
      cutoff: unix seconds.
      entities: per side, number of all entities.
      rating_range: range of the training ratings, to which predictions are clipped.
    """
    fitted = chosen.fitted

    def moving(places: tuple[int, ...]) -> FittedFactors:
        drift, new_drift = (DRIFTS[place] for place in places)
        return fitted._replace(scale=fitted.scale._replace(drift=drift, new_drift=new_drift))

    start = {side: enlarged(fitted, side, entities[side]) for side in SIDES}
    first = (DRIFTS.index(fitted.scale.drift or _FIRST_DRIFT),) * 2
    if not scored.any():
        return replace(chosen, fitted=moving(first))
    following = FactorFilter(later, start, cutoff)

    def error(places: tuple[int, ...]) -> float:
        expected, *_ = following.run(fitted.set_vectors, moving(places).scale)
        return clipped_rmse(expected[scored], later.rating[scored], rating_range)

    # Both drifts together first, then each alone.
    steps = ((1, 1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1)) if chosen.sweeps else ()
    best, found = _best_places(error, first, (len(DRIFTS),) * 2, steps)
    return replace(chosen, fitted=moving(best), streaming_rmse=found)


def _followed_scale(
    train: Interactions,
    later: SideRatings,
    scored: npt.NDArray[np.bool_],
    entities: dict[Side, int],
    made: tuple[int, int],
    to_beat: float,
    rating_range: tuple[float, float],
) -> FollowedScale | None:
    """Searches for the best start of followed factors; None if they are clearly worse than the fitted ones."""
    latest, earliest = np.argsort(train.timestamp, kind="stable")[-_SEARCHED:], slice(_SEARCHED)
    train, later, scored = train.take(latest), take_rows(later, earliest), scored[earliest]
    if not scored.any():
        return None
    ratings = SideRatings.concatenate([as_side_ratings(train), later])
    asked = np.concatenate([np.zeros(len(train), bool), scored])

    def scale(places: tuple[int, ...]) -> FollowedScale:
        return FollowedScale(*(values[place] for values, place in zip(_FOLLOWED, places, strict=True)))

    def error(places: tuple[int, ...]) -> float:
        start = factors_at_random(train, entities, *made, scale(places))
        following = FactorFilter(ratings, start.beliefs, int(train.timestamp.min()))
        expected, *_ = following.run(start.set_vectors, start.scale)
        return clipped_rmse(expected[asked], ratings.rating[asked], rating_range)

    middle = tuple(len(values) // 2 for values in _FOLLOWED)
    if not error(middle) <= _WORTH_FOLLOWING * to_beat:
        return None
    steps = [tuple(sign * (axis == other) for other in range(3)) for axis in range(3) for sign in (1, -1)]
    best, _ = _best_places(error, middle, tuple(map(len, _FOLLOWED)), steps)
    return scale(best)


def _best_places(
    error: Callable[[tuple[int, ...]], float],
    start: tuple[int, ...],
    sizes: tuple[int, ...],
    steps: Sequence[tuple[int, ...]],
) -> tuple[tuple[int, ...], float]:
    """Searches grids of these sizes, going on along each step while the error falls; returns position and error."""
    best, lowest, known = start, error(start), dict[tuple[int, ...], float]()
    known[start] = lowest
    with working("values of the factors' scale tried") as tell:
        for step in steps:
            while True:
                tell(len(known))
                tried = tuple(place + by for place, by in zip(best, step, strict=True))
                if not all(0 <= place < size for place, size in zip(tried, sizes, strict=True)):
                    break
                if tried not in known:
                    known[tried] = error(tried)
                if known[tried] >= (1 - _BETTER) * lowest:
                    break
                best, lowest = tried, known[tried]
    return best, lowest


def enlarged(fitted: FittedFactors, side: Side, entities: int) -> Beliefs:
    """Returns the beliefs about all of a side's entities, those without training ratings included."""
    return fitted.beliefs[side].enlarged(entities + 1, fitted.scale.prior(side))
