"""Factors that follow the training ratings from the first one, for preferences that drift too fast for one fit."""

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

_NOISE = 0.4  # noise variance as a fraction of the ratings' variance
_FIRST_STEPS = 0.01  # initial fraction of a factor's variance: if both sides were 0, both would stay 0


class FollowedScale(NamedTuple):
    """Prior variances and drift of followed factors.

    Attributes:
      factor, bias: prior variance of a factor, in standard deviations of ratings, and of a bias, in their variances.
      drift: `FactorScale.drift` of all entities.
    """

    factor: float
    bias: float
    drift: float


def factors_at_random(
    train: Interactions, entities: Mapping[Side, int], factors: int, seed: int, scale: FollowedScale
) -> FittedFactors:
    """Draws small random factors without biases or set vectors, the state before any rating.

    Args:
      train: N training ratings, for their mean and standard deviation.
      entities: per side, number of entities.
      factors: number k of factors.
      seed: of the factors.
      scale: prior variances and drift.
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
    """Converts ratings to the user side's form, which a filter takes; all get one split, since it ignores splits."""
    split = np.full(len(ratings), Split.TRAIN, np.uint8)
    return SideRatings(ratings.user, ratings.item, ratings.rating, ratings.timestamp, split)


def follow_training(train: Interactions, start: FittedFactors) -> FittedFactors:
    """Updates factors by the training ratings, one after the other.

    Args:
      train: the training ratings, at least one.
      start: factors before the first rating.
    """
    filtered = FactorFilter(as_side_ratings(train), start.beliefs, int(train.timestamp.min()))
    *_, left = filtered.run(start.set_vectors, start.scale)
    beliefs = {}
    for side in SIDES:
        trained = np.ones(len(left[side].mean), bool)
        posterior = left[side].posterior(start.scale.prior(side), start.scale.drifts(trained))
        beliefs[side] = posterior._replace(moved=np.zeros_like(posterior.moved))
    return start._replace(beliefs=beliefs)
