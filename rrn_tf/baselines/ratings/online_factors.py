"""Matrix factorisation that is updated with every rating."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.ratings.causal_batches import Positions, rounds_of
from rrn_tf.baselines.ratings.online_bias import OnlineBias
from rrn_tf.baselines.ratings.protocol import OnlineBaseline, validation_rmse
from rrn_tf.data.interactions import Interactions
from rrn_tf.slow_work import each

FloatArray = npt.NDArray[np.float32]

_INITIAL_NORM = 0.03  # expectation of |p|^2 before any rating, in standard deviations of the residuals


@dataclass(frozen=True)
class OnlineFactorsOptions:
    """The options that a fitted `OnlineFactors` chose, and its streamed validation RMSE (NaN without valid ratings)."""

    rate: float
    valid_rmse: float = float("nan")


class OnlineFactors:
    """Predicts mu + b_u(t) + b_i(t) + <p_u(t), q_i(t)>; factors fit the online bias's residuals by SGD.

    Factors start small and random, and training is one pass over the ratings in order of time. A step is implicit,
    p += rate e q / (1 + rate |q|^2), so that the sum of steps over an entity's ratings of one timestamp is bounded.

    Args:
      factors: number of factors k.
      rate: one learning rate, or the grid to choose from on validation ratings, for residuals of unit variance.
      seed: seed of the initial factors.

    Raises:
      ValueError: for no or a negative rate, or fewer than one factor.

    Reference:
      Vinagre, Jorge and Gama, Fast Incremental Matrix Factorization for Recommendation with Positive-Only Feedback,
      UMAP 2014 (one step a rating); Toulis and Airoldi, Annals of Statistics 2017 (implicit steps).
    """

    name = "online MF"

    def __init__(
        self, factors: int = 40, rate: float | Sequence[float] = (0.03, 0.06, 0.1, 0.15, 0.2), seed: int = 0
    ) -> None:
        self._rates = sorted(rate if isinstance(rate, Sequence) else [float(rate)])
        if not self._rates or self._rates[0] < 0:
            raise ValueError(f"rate should be one or more values of at least 0, received {self._rates}")
        if factors < 1:
            raise ValueError(f"factors should be at least 1, received {factors}")
        self._factors, self._seed = factors, seed
        self._bias = OnlineBias()
        self.options: OnlineFactorsOptions | None = None

    def fit(self, train: Interactions, valid: Interactions) -> OnlineFactors:
        """Streams the training ratings, and chooses the `options` that predict the streamed validation ratings best."""
        self._bias.fit(train, valid)
        residual = train.rating - self._bias.training_predictions
        self._spread = np.float32(residual.std() or 1) if len(train) else np.float32(1)
        of_train, of_valid = rounds_of(train), rounds_of(valid)
        rates = self._rates if len(valid) else [self._rates[len(self._rates) // 2]]
        state, chosen, found = self._initial(train, len(rates)), 0, float("nan")
        state.stream(train, residual / self._spread, of_train, rates)
        if len(valid):
            bias = self._bias.predict_stream(valid)
            added = state.copy().stream(valid, (valid.rating - bias) / self._spread, of_valid, rates)
            errors = [validation_rmse(train, valid, bias + self._spread * column) for column in added.T]
            chosen = int(np.argmin(errors))
            found = errors[chosen]
        self.options, self._state = OnlineFactorsOptions(rates[chosen], found), state.of_rate(chosen)
        return self

    def predict_stream(self, later: Interactions) -> FloatArray:
        """See `OnlineBaseline`."""
        if self.options is None:
            raise RuntimeError("online MF should be fitted before it is used")
        bias = self._bias.predict_stream(later)
        residual = (later.rating - bias) / self._spread
        added = self._state.copy().stream(later, residual, rounds_of(later), [self.options.rate])
        return bias + self._spread * added[:, 0]

    @property
    def num_parameters(self) -> int:
        """Number of factors and of the values of the online bias."""
        return sum(table[1:].size for table in self._state) + self._bias.num_parameters

    def _initial(self, train: Interactions, rates: int) -> _State:
        rng = np.random.default_rng(self._seed)
        scale = np.float32(np.sqrt(_INITIAL_NORM / self._factors))
        shapes = ((entities + 1, self._factors) for entities in (train.num_users, train.num_items))
        user, item = (scale * rng.standard_normal(shape, np.float32) for shape in shapes)
        return _State(*(np.repeat(table[:, np.newaxis], rates, axis=1) for table in (user, item)))


class _State(NamedTuple):
    """Factors of users and of items by R learning rates, float32[E + 1, R, k] each."""

    user: FloatArray
    item: FloatArray

    def copy(self) -> _State:
        return _State(self.user.copy(), self.item.copy())

    def of_rate(self, rate: int) -> _State:
        """Copies the factors of one of the rates, given its index."""
        return _State(*(table[:, rate : rate + 1].copy() for table in self))

    def stream(
        self, ratings: Interactions, residual: FloatArray, rounds: list[Positions], rates: Sequence[float]
    ) -> FloatArray:
        """Predicts each residual float32[N] before it updates the factors: float32[N, R]."""
        predicted, rate = np.empty((len(ratings), len(rates)), np.float32), np.array(rates, np.float32)
        loads = [np.zeros(table.shape[:2], np.float32) for table in self]
        for rows in each(rounds, "following ratings, step after step"):
            entities = (ratings.user[rows], ratings.item[rows])
            factors = [table[entity] for table, entity in zip(self, entities)]
            predicted[rows] = np.einsum("nrk,nrk->nr", *factors)
            error = residual[rows, np.newaxis] - predicted[rows]
            for table, load, entity, other in zip(self, loads, entities, factors[::-1]):
                load[entity] = 0
                np.add.at(load, entity, np.einsum("nrk,nrk->nr", other, other))
                step = rate * error / (1 + rate * load[entity])
                np.add.at(table, entity, step[..., np.newaxis] * other)
        return predicted


def standard_online(seed: int) -> list[OnlineBaseline]:
    """The leaderboard's."""
    return [OnlineFactors(seed=seed)]
