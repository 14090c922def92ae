"""Baselines without an interaction of user and item: the global mean, and user plus item bias."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.ratings.protocol import Baseline, validation_rmse
from rrn_tf.data.interactions import Interactions


class GlobalMean:
    """Predicts the mean of the training ratings."""

    name = "global mean"
    num_parameters = 1

    def fit(self, train: Interactions, valid: Interactions | None = None) -> GlobalMean:
        """Computes the mean; 0 without training ratings."""
        self._mean = np.float32(train.rating.mean(dtype=np.float64) if len(train) else 0)
        return self

    def predict(
        self,
        user: npt.NDArray[np.integer],
        item: npt.NDArray[np.integer],
        timestamp: npt.NDArray[np.integer] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Predicts the mean for every query: float32[N]."""
        return np.full(len(user), self._mean, np.float32)


class UserItemBias:
    """Predicts mu + b_u + b_i, with biases fitted by alternating ridge regressions.

    They minimise sum (r - mu - b_u - b_i)^2 + user_l2 sum b_u^2 + item_l2 sum b_i^2, where mu is the training mean.

    Args:
      user_l2, item_l2: one value, or the grid to choose from on the validation ratings; in units of ratings, so that
        the bias of an entity with that many ratings is shrunk by half.
      max_iterations: the most alternations.
      tolerance: alternation ends when the largest change of a bias is below this value.

    Reference:
      Koren, Bell and Volinsky, IEEE Computer 2009, Eqs. 3 and 5 without the interaction.
    """

    name = "user+item bias"

    def __init__(
        self,
        user_l2: float | Sequence[float] = (1.0, 3.0, 5.0, 10.0, 20.0),
        item_l2: float | Sequence[float] = (1.0, 3.0, 5.0, 10.0, 20.0),
        max_iterations: int = 15,
        tolerance: float = 1e-3,
    ) -> None:
        self._grids = [list(g) if isinstance(g, Sequence) else [float(g)] for g in (user_l2, item_l2)]
        for grid in self._grids:
            if not grid or min(grid) < 0:
                raise ValueError(f"regularisers should be one or more values of at least 0, received {grid}")
        self._max_iterations, self._tolerance = max_iterations, tolerance

    def fit(self, train: Interactions, valid: Interactions) -> UserItemBias:
        """Fits `user_bias` and `item_bias`, and sets `user_l2` and `item_l2` to the best values."""
        self._mean = np.float32(train.rating.mean(dtype=np.float64) if len(train) else 0)
        if not len(valid):
            self.user_l2, self.item_l2 = (grid[len(grid) // 2] for grid in self._grids)
            self.user_bias, self.item_bias = self._alternate(train, self.user_l2, self.item_l2)
            return self
        best, biases = np.inf, None
        for user_l2, item_l2 in itertools.product(*self._grids):
            # The objective is convex, so the solution of a nearby setting is a safe start that saves iterations.
            biases = self._alternate(train, user_l2, item_l2, None if biases is None else biases[0])
            predicted = self._mean + biases[0][valid.user] + biases[1][valid.item]
            found = validation_rmse(train, valid, predicted)
            if found < best:
                best, self.user_l2, self.item_l2 = found, user_l2, item_l2
                self.user_bias, self.item_bias = biases
        return self

    def predict(
        self,
        user: npt.NDArray[np.integer],
        item: npt.NDArray[np.integer],
        timestamp: npt.NDArray[np.integer] | None = None,
    ) -> npt.NDArray[np.float32]:
        """Predicts ratings: float32[N]; an unknown entity has bias 0."""
        return (self._mean + self.user_bias[user] + self.item_bias[item]).astype(np.float32)

    @property
    def num_parameters(self) -> int:
        """Number of biases, plus one for the mean."""
        return len(self.user_bias) + len(self.item_bias) - 1

    def _alternate(
        self, train: Interactions, user_l2: float, item_l2: float, start: npt.NDArray[np.float32] | None = None
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        user, item = train.user.astype(np.intp), train.item.astype(np.intp)
        residual = train.rating - self._mean
        users, items = train.num_users + 1, train.num_items + 1
        user_weight = 1 / np.maximum(np.bincount(user, minlength=users) + user_l2, 1e-12)
        item_weight = 1 / np.maximum(np.bincount(item, minlength=items) + item_l2, 1e-12)
        # The bias of the unknown entity stays 0, whatever ratings it has.
        user_weight[0] = item_weight[0] = 0
        user_bias = np.zeros(users) if start is None else start.astype(np.float64)
        item_bias = np.zeros(items)
        for _ in range(self._max_iterations):
            item_bias = np.bincount(item, residual - user_bias[user], items) * item_weight
            before = user_bias
            user_bias = np.bincount(user, residual - item_bias[item], users) * user_weight
            if np.abs(user_bias - before).max() < self._tolerance:
                break
        return user_bias.astype(np.float32), item_bias.astype(np.float32)


def standard(seed: int) -> list[Baseline]:
    """The leaderboard's."""
    return [GlobalMean(), UserItemBias()]
