"""Bayesian factors with implicit feedback, which an RRN can add to its network, alone as baselines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.ratings.protocol import Baseline, OnlineBaseline, require_later
from rrn_tf.data.interactions import Interactions
from rrn_tf.factors.beliefs import FloatArray, expected_ratings
from rrn_tf.factors.choice import ChosenFactors, choose_factors, choose_sweeps, enlarged
from rrn_tf.factors.filter import FactorFilter
from rrn_tf.factors.followed import as_side_ratings
from rrn_tf.features import SIDES, Side


@dataclass(frozen=True)
class BayesianFactorsOptions:
    """The options that a fitted `BayesianFactors` chose, and its validation RMSE (NaN without validation ratings)."""

    sweeps: int
    drift: float
    new_drift: float
    valid_rmse: float


class BayesianFactors:
    """Variational Bayesian factors, biases and set vectors of both sides (`rrn_tf.factors`), fixed after training.

    Args:
      factors: number of factors k.
      seed: seed of the initial factors.
    """

    name = "Bayesian factors"

    def __init__(self, factors: int = 8, seed: int = 0) -> None:
        self._factors, self._seed = factors, seed
        self._chosen: ChosenFactors | None = None
        self.options: BayesianFactorsOptions | None = None

    def fit(self, train: Interactions, valid: Interactions) -> BayesianFactors:
        """Fits the factors with the number of sweeps that is best on the validation ratings."""
        chosen = choose_sweeps(train, valid, self._factors, self._seed)
        self._chosen, self.options = chosen, BayesianFactorsOptions(chosen.sweeps, 0.0, 0.0, chosen.frozen_rmse)
        return self

    def predict(
        self,
        user: npt.NDArray[np.integer],
        item: npt.NDArray[np.integer],
        timestamp: npt.NDArray[np.integer],
    ) -> FloatArray:
        """See `Baseline`."""
        fitted = self._fitted().fitted
        users, items = (fitted.beliefs[side].standing for side in SIDES)
        return expected_ratings(users[_known(user, users)], items[_known(item, items)], fitted.scale.mean)

    @property
    def num_parameters(self) -> int:
        """Number of values: each entity's factors, its set vector, which the opposite side uses, and the mean."""
        return 2 * sum(beliefs.mean[1:].size for beliefs in self._fitted().fitted.beliefs.values()) + 1

    def _fitted(self) -> ChosenFactors:
        if self._chosen is None:
            raise RuntimeError(f"{self.name} should be fitted before they are used")
        return self._chosen


class OnlineBayesianFactors(BayesianFactors):
    """Bayesian factors that a Kalman filter updates with every rating; new users and items start from the prior."""

    name = "online Bayesian factors"

    def fit(self, train: Interactions, valid: Interactions) -> OnlineBayesianFactors:
        """Fits the factors, and chooses drift variances that predict the streamed validation ratings best."""
        self._cutoff = int(train.timestamp.max()) + 1
        self._entities = {Side.USER: train.num_users, Side.ITEM: train.num_items}
        everyone = np.ones(len(valid), bool)
        self._chosen = choose_factors(
            train, as_side_ratings(valid), everyone, self._entities, self._factors, self._seed
        )
        scale = self._chosen.fitted.scale
        self.options = BayesianFactorsOptions(
            self._chosen.sweeps, scale.drift, scale.new_drift, self._chosen.streaming_rmse
        )
        return self

    def predict_stream(self, later: Interactions) -> FloatArray:
        """See `OnlineBaseline`."""
        fitted = self._fitted().fitted
        require_later(later, self._cutoff - 1)
        start = {side: enlarged(fitted, side, self._entities[side]) for side in SIDES}
        return FactorFilter(as_side_ratings(later), start, self._cutoff).run(fitted.set_vectors, fitted.scale)[0]


def _known(index: npt.NDArray[np.integer], table: FloatArray) -> npt.NDArray[np.integer]:
    return np.where(index < len(table), index, 0)


def standard(seed: int) -> list[Baseline]:
    """The leaderboard's."""
    return [BayesianFactors(seed=seed)]


def standard_online(seed: int) -> list[OnlineBaseline]:
    """The leaderboard's, of the streaming protocol."""
    return [OnlineBayesianFactors(seed=seed)]
