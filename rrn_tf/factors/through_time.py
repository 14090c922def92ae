"""Factors that followed the training ratings, as they were at any time of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from rrn_tf.data.interactions import Interactions
from rrn_tf.factors.beliefs import Beliefs, FactorScale, FloatArray
from rrn_tf.factors.filter import FactorFilter, Trajectories
from rrn_tf.factors.followed import FollowedScale, as_side_ratings, factors_at_random
from rrn_tf.features import SIDES, Side

Ints = npt.NDArray[np.int64]


class FollowedThroughTime:
    """Follows training ratings once more and keeps what was expected of each entity before each of its ratings.

    Args:
      train: the training ratings, at least one.
      at_end: per side, the beliefs after training.
      scale: parameters of all beliefs, as training left them.
      seed: of the factors before the first rating; another one than in training makes other factors of the same kind.

    Raises:
      ValueError: for factors that were fitted and not followed.
    """

    def __init__(self, train: Interactions, at_end: Mapping[Side, Beliefs], scale: FactorScale, seed: int) -> None:
        if not were_followed(at_end):
            raise ValueError("expected factors that followed the training ratings, found fitted ones")
        factors, spread = at_end[Side.USER].mean.shape[1] - 1, float(np.std(train.rating, dtype=np.float64))
        *_, bias = prior = scale.prior(Side.USER)
        shared = FollowedScale(prior[0] / max(spread, 1e-6), bias / max(spread, 1e-6) ** 2, scale.drift)
        entities = {side: len(at_end[side].mean) - 1 for side in SIDES}
        start = factors_at_random(train, entities, factors, seed, shared)
        self._begin = int(train.timestamp.min())
        self._at_end = {side: at_end[side].standing for side in SIDES}
        following = FactorFilter(as_side_ratings(train), start.beliefs, self._begin)
        self._trajectories = following.trajectories(start.set_vectors, start.scale)
        self._seconds = {side: np.unique(self._trajectories[side].second) for side in SIDES}
        self._keys = {side: self._key(side, _entities(of), of.second) for side, of in self._trajectories.items()}

    def standing(self, side: Side, entity: Ints, timestamp: Ints) -> FloatArray:
        """Returns what was expected of entities, float32[N, w], by their ratings of strictly earlier seconds.

        Args:
          side: user or item.
          entity: int64[N], of the trained entities; 0 for others.
          timestamp: int64[N], unix seconds.
        """
        of = self._trajectories[side]
        row = np.searchsorted(self._keys[side], self._key(side, entity, timestamp - self._begin))
        after_all = row == of.row_splits[entity + 1]
        found = of.standing[np.minimum(row, len(of.standing) - 1)]
        found[after_all] = self._at_end[side][entity[after_all]]
        return found

    def _key(self, side: Side, entity: Ints, second: Ints) -> Ints:
        """Numbers seconds in order of entity and time."""
        return entity * (len(self._seconds[side]) + 1) + np.searchsorted(self._seconds[side], second)


def were_followed(at_end: Mapping[Side, Beliefs]) -> bool:
    """Whether factors followed the training ratings: they have no sets, as fitted ones have."""
    rated = [of for of in at_end.values() if of.mean.shape[1] and of.mean.any()]
    return bool(rated) and not any(of.set_sum.any() for of in rated)


def _entities(of: Trajectories) -> Ints:
    return np.repeat(np.arange(len(of.row_splits) - 1), np.diff(of.row_splits))
