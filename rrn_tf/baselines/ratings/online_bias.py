"""User and item biases that are updated with every rating."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.ratings.causal_batches import rounds_of
from rrn_tf.baselines.ratings.protocol import OnlineBaseline, require_later, validation_rmse
from rrn_tf.data.interactions import Interactions
from rrn_tf.slow_work import each

FloatArray = npt.NDArray[np.float32]

_DAY = 86_400


@dataclass(frozen=True)
class OnlineBiasOptions:
    """Variances of the biases over that of the ratings' noise, and the validation RMSE (NaN without valid ratings).

    Attributes:
      user_variance, item_variance: prior variance of a bias; with 1 / variance ratings it is shrunk by half.
      rating_drift: variance that each rating adds to both biases.
      daily_drift: variance that each day since the last rating adds to a bias.
      valid_rmse: RMSE of the streamed validation ratings.
    """

    user_variance: float
    item_variance: float
    rating_drift: float
    daily_drift: float
    valid_rmse: float = float("nan")


class OnlineBias:
    """Predicts mu + b_u(t) + b_i(t) by two scalar Kalman filters, updated with the innovation of each rating.

    A bias is a random walk. Without drift its estimate is the shrunk mean of all residuals; with drift it is a running
    mean that forgets old ratings exponentially, in the long run by a factor 1 - sqrt(rating_drift) a rating. A rating
    changes the user's bias less if the item's bias is uncertain, and vice versa. All combinations of the options are
    computed together.

    Args:
      user_variance, item_variance, rating_drift, daily_drift: one value, or the grid to choose from on validation
        ratings (see `OnlineBiasOptions`).

    Raises:
      ValueError: for an empty grid, a variance that is not positive or a negative drift.

    Reference:
      Kalman, A New Approach to Linear Filtering and Prediction Problems, 1960; the local level model of Harvey,
      Forecasting, Structural Time Series Models and the Kalman Filter, 1989, Section 4.1.
    """

    name = "online bias"

    def __init__(
        self,
        user_variance: float | Sequence[float] = (0.1, 0.2, 0.4),
        item_variance: float | Sequence[float] = (0.1, 0.2),
        rating_drift: float | Sequence[float] = (0.0, 1e-3, 5e-3),
        daily_drift: float | Sequence[float] = (0.0, 3e-4, 3e-3),
    ) -> None:
        given = (user_variance, item_variance, rating_drift, daily_drift)
        grids = [list(grid) if isinstance(grid, Sequence) else [float(grid)] for grid in given]
        for grid, positive in zip(grids, (True, True, False, False), strict=True):
            if not grid or min(grid) < 0 or (positive and min(grid) == 0):
                least = "above 0" if positive else "of at least 0"
                raise ValueError(f"options should be one or more values {least}, received {grid}")
        self._default = OnlineBiasOptions(*(grid[len(grid) // 2] for grid in grids))
        self._grid = [OnlineBiasOptions(*values) for values in itertools.product(*grids)]
        self.options: OnlineBiasOptions | None = None

    def fit(self, train: Interactions, valid: Interactions) -> OnlineBias:
        """Streams the training ratings, and chooses the `options` that predict the streamed validation ratings best."""
        grid = self._grid if len(valid) else [self._default]
        self._mean = np.float32(train.rating.mean(dtype=np.float64) if len(train) else 0)
        self._last_time = int(train.timestamp.max()) if len(train) else None
        state = _State.prior(grid, train)
        of_training = state.stream(train, self._mean)
        chosen, self.options = 0, self._default
        if len(valid):
            require_later(valid, self._last_time)
            predicted = state.copy().stream(valid, self._mean)
            errors = [validation_rmse(train, valid, column) for column in predicted.T]
            chosen = int(np.argmin(errors))
            self.options = replace(grid[chosen], valid_rmse=errors[chosen])
        self._state = state.columns(slice(chosen, chosen + 1))
        self._of_training = of_training[:, chosen].copy()
        return self

    def predict_stream(self, later: Interactions) -> FloatArray:
        """See `OnlineBaseline`."""
        require_later(later, self._last_time)
        return self._state.copy().stream(later, self._mean)[:, 0]

    @property
    def training_predictions(self) -> FloatArray:
        """float32[N], the prediction of each training rating from the earlier ones alone."""
        if self.options is None:
            raise RuntimeError("online bias should be fitted before it is used")
        return self._of_training

    @property
    def num_parameters(self) -> int:
        """Number of values: a mean, a variance and a time for each user and item, and the training mean."""
        return sum(3 * (len(side.mean) - 1) for side in self._state.sides) + 1


class _Side(NamedTuple):
    """Biases of the E entities of one side under G settings."""

    mean: FloatArray  # [E + 1, G]
    precision: FloatArray  # [E + 1, G]
    last: npt.NDArray[np.float64]  # [E + 1], day of each entity's last rating
    prior: FloatArray  # [G], prior variances


class _State(NamedTuple):
    """Biases of users and items under G settings after the ratings so far."""

    sides: tuple[_Side, _Side]
    rating_drift: FloatArray  # [G]
    daily_drift: FloatArray  # [G]

    @classmethod
    def prior(cls, grid: Sequence[OnlineBiasOptions], ratings: Interactions) -> _State:
        def of_grid(values: Sequence[float]) -> FloatArray:
            return np.array(values, np.float32)

        def side(entities: int, variance: FloatArray) -> _Side:
            shape = (entities + 1, len(grid))
            return _Side(
                np.zeros(shape, np.float32), np.tile(1 / variance, (shape[0], 1)), np.zeros(shape[0]), variance
            )

        users = side(ratings.num_users, of_grid([options.user_variance for options in grid]))
        items = side(ratings.num_items, of_grid([options.item_variance for options in grid]))
        rating_drift = of_grid([options.rating_drift for options in grid])
        return cls((users, items), rating_drift, of_grid([options.daily_drift for options in grid]))

    def copy(self) -> _State:
        return self.columns(slice(None))

    def columns(self, settings: slice) -> _State:
        """Copies the state of some of the settings."""
        user, item = (
            _Side(
                side.mean[:, settings].copy(),
                side.precision[:, settings].copy(),
                side.last.copy(),
                side.prior[settings],
            )
            for side in self.sides
        )
        return _State((user, item), self.rating_drift[settings], self.daily_drift[settings])

    def stream(self, ratings: Interactions, centre: np.float32) -> FloatArray:
        """Predicts each rating before it updates the state: float32[N, G]."""
        predicted = np.empty((len(ratings), len(self.rating_drift)), np.float32)
        residual = (ratings.rating - centre)[:, np.newaxis]
        day = ratings.timestamp / _DAY
        for rows in each(rounds_of(ratings), "following ratings, step after step"):
            entities, now = (ratings.user[rows], ratings.item[rows]), day[rows]
            variances = [self._variance(*pair, now) for pair in zip(self.sides, entities)]
            predicted[rows] = self.sides[0].mean[entities[0]] + self.sides[1].mean[entities[1]]
            innovation = residual[rows] - predicted[rows]
            for side, entity, own, other in zip(self.sides, entities, variances, variances[::-1]):
                weight = 1 / (1 + other)
                side.precision[entity] = 1 / own
                np.add.at(side.precision, entity, weight)
                np.add.at(side.mean, entity, weight * innovation / side.precision[entity])
                side.last[entity] = now
        return predicted + centre

    def _variance(self, side: _Side, entity: npt.NDArray[np.integer], now: npt.NDArray[np.float64]) -> FloatArray:
        """Computes the variance before a rating at time `now`, at most the prior variance: float32[N, G]."""
        gap = (now - side.last[entity]).astype(np.float32)[:, np.newaxis]
        drifted = 1 / side.precision[entity] + self.rating_drift + self.daily_drift * gap
        return np.minimum(drifted, side.prior)


def standard_online(seed: int) -> list[OnlineBaseline]:
    """The leaderboard's."""
    return [OnlineBias()]
