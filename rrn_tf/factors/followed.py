"""Factors that follow the training ratings from the first on, for tastes that move too fast to be fitted at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from rrn_tf.data.interactions import Interactions
from rrn_tf.data.rows import SideRatings
from rrn_tf.factors.beliefs import Beliefs, FactorScale
from rrn_tf.factors.filter import FactorFilter
from rrn_tf.factors.fit import FittedFactors
from rrn_tf.features import SIDES, Side, Split

_NOISE = 0.4  # share of the ratings' variance
_FIRST_STEPS = 0.01  # share of a factor's variance that it starts with: two sides at 0 would stay there


class FollowedScale(NamedTuple):
    """What followed factors start from.

    Attributes:
      factor, bias: prior variance of a factor, in standard deviations of ratings, and of a bias, in their variances.
      drift: as `FactorScale.drift`, of all entities.
    """

    factor: float
    bias: float
    drift: float


def factors_at_random(
    train: Interactions, entities: Mapping[Side, int], factors: int, seed: int, scale: FollowedScale
) -> FittedFactors:
    """Small random factors and no biases, before any rating; nobody's set says anything.

    Args:
      train: N training ratings, whose mean and spread are taken.
      entities: per side, number of entities.
      factors: k.
      seed: of the factors.
      scale: what they start from.
    """
    mean = float(np.mean(train.rating, dtype=np.float64))
    spread = max(float(np.std(train.rating, dtype=np.float64)), 1e-6)
    prior = np.array([scale.factor * spread] * factors + [scale.bias * spread**2], np.float32)
    rng, beliefs = np.random.default_rng(seed), {}
    for side in SIDES:
        beliefs[side] = Beliefs.unknown(entities[side] + 1, prior)
        start = rng.standard_normal((entities[side], factors), np.float32)
        beliefs[side].mean[1:, :-1] = np.sqrt(_FIRST_STEPS * prior[:-1]) * start
    vectors = {side: np.zeros((entities[side.opposite] + 1, factors + 1), np.float32) for side in SIDES}
    priors = tuple(map(float, prior))
    shared = FactorScale(mean, _NOISE * spread**2, scale.drift, scale.drift, priors, priors)
    return FittedFactors(beliefs, vectors, shared)


def as_side_ratings(ratings: Interactions) -> SideRatings:
    """Ratings as the user side sees them, for a filter, to which all splits are the same."""
    split = np.full(len(ratings), Split.TRAIN, np.uint8)
    return SideRatings(ratings.user, ratings.item, ratings.rating, ratings.timestamp, split)


def follow_training(train: Interactions, start: FittedFactors) -> FittedFactors:
    """Where training ratings leave factors that each of them moves.

    Args:
      train: the training ratings, at least one.
      start: factors before the first of them.
    """
    filtered = FactorFilter(as_side_ratings(train), start.beliefs, int(train.timestamp.min()))
    *_, left = filtered.run(start.set_vectors, start.scale)
    beliefs = {}
    for side in SIDES:
        trained = np.ones(len(left[side].mean), bool)
        posterior = left[side].posterior(start.scale.prior(side), start.scale.drifts(trained))
        beliefs[side] = posterior._replace(moved=np.zeros_like(posterior.moved))
    return start._replace(beliefs=beliefs)
