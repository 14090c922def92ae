"""TimeSVD++: matrix factorisation with time-dependent biases and factors, as far as they apply after training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.grid_search import as_grid
from rrn_tf.baselines.halving_rate import train_to_best
from rrn_tf.baselines.ratings.bias import UserItemBias
from rrn_tf.baselines.ratings.protocol import Baseline, validation_rmse
from rrn_tf.baselines.ratings.sparse_rows import SparseRows
from rrn_tf.baselines.ratings.time_factors import Biases, TimeFactors, UserBatch
from rrn_tf.data.interactions import Interactions
from rrn_tf.features import Side

FloatArray = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]

_DAY = 86_400
_BETA = 0.4  # Koren, KDD 2009, Section 3.2
_BATCHES = 32  # the fewest batches of an epoch, if there are enough users
_BATCH_USERS, _BATCH_RATINGS = 256, 1 << 14
_EPOCHS_WITHOUT_VALIDATION = 10


@dataclass(frozen=True)
class TimeSVDppOptions:
    """The options that a fitted `TimeSVDpp` chose, and its validation RMSE (NaN without validation ratings)."""

    factors: int
    factor_l2: float
    drift_l2: float
    epochs: int
    valid_rmse: float = float("nan")


class TimeSVDpp:
    """TimeSVD++; options with several values are chosen on the validation ratings.

    After the end of training, a user's deviation and an item's bin are those of the last training timestamp, and a day
    without training ratings of the user has bias 0. Biases start at those of `UserItemBias`. The search tries weaker
    regularisers of the factors, then weaker ones of the time-dependent biases, then more factors, each for as long as
    it helps; every trial stops at its best epoch, which may be epoch 0.

    Args:
      factors, factor_l2, drift_l2: one value, or the grid to choose from; the regularisers are in units of ratings.
      bins: number of equal intervals of training time that have their own item biases.
      learning_rate: first learning rate of Adam; it is halved after every epoch that does not lower the validation
        RMSE.
      max_epochs: the most epochs of a trial.
      patience: number of epochs without a better validation RMSE after which a trial ends.
      seed: seed of the initial factors and the order of the users.

    Raises:
      ValueError: for an option out of range.

    Reference:
      Koren, Collaborative Filtering with Temporal Dynamics, KDD 2009.
    """

    name = "TimeSVD++"

    def __init__(
        self,
        factors: int | Sequence[int] = (20, 50),
        factor_l2: float | Sequence[float] = (50.0, 20.0, 8.0, 3.0, 1.0),
        drift_l2: float | Sequence[float] = (100.0, 30.0, 10.0),
        bins: int = 10,
        learning_rate: float = 2e-3,
        max_epochs: int = 30,
        patience: int = 3,
        seed: int = 0,
    ) -> None:
        self._factors, self._bins = as_grid("factors", factors, 1), as_grid("bins", bins, 1)[0]
        self._factor_l2 = as_grid("factor_l2", factor_l2, 0)[::-1]
        self._drift_l2 = as_grid("drift_l2", drift_l2, 0)[::-1]
        self._learning_rate, self._seed = learning_rate, seed
        self._max_epochs, self._patience = max_epochs, patience
        self.options: TimeSVDppOptions | None = None

    def fit(self, train: Interactions, valid: Interactions) -> TimeSVDpp:
        """Fits the parameters and sets `options` to the best trial's."""
        bias = UserItemBias().fit(train, valid)
        self._biases = Biases(bias.user_bias, bias.item_bias, bias.user_l2, bias.item_l2)
        self._mean = np.float32(train.rating.mean(dtype=np.float64) if len(train) else 0)
        self._rows = SparseRows(train, Side.USER, float(self._mean))
        self._clock = _Clock(train, self._bins)
        self._bin_count = np.bincount(self._clock.train.bin, minlength=(train.num_items + 1) * self._bins)
        self.options = None
        grids: dict[str, list[Any]] = {
            "factors": self._factors,
            "factor_l2": self._factor_l2,
            "drift_l2": self._drift_l2,
        }
        if not len(valid):
            self._without_validation(**{name: grid[len(grid) // 2] for name, grid in grids.items()})
            return self
        chosen = {name: grid[0] for name, grid in grids.items()}
        best = self._trial(train, valid, **chosen)
        for name in ("factor_l2", "drift_l2", "factors"):
            for value in grids[name][1:]:
                tried = {**chosen, name: value}
                found = self._trial(train, valid, **tried)
                if found >= best:
                    break
                best, chosen = found, tried
        return self

    def predict(
        self, user: npt.NDArray[np.integer], item: npt.NDArray[np.integer], timestamp: npt.NDArray[np.integer]
    ) -> FloatArray:
        """Predicts ratings: float32[N]; an unknown entity has bias 0 and no factors."""
        return self._predict(self._fitted(), user, item, timestamp)

    @property
    def num_parameters(self) -> int:
        """Number of weights, of the users' mean times and the mean, without the training ratings that are kept too."""
        return sum(value.size for value in self._fitted().values) + self._rows.num_rows

    def _new_network(self, factors: int, factor_l2: float, drift_l2: float) -> TimeFactors:
        days, bins = len(self._clock.days) + 1, len(self._bin_count)
        return TimeFactors(self._rows, self._biases, days, bins, factors, factor_l2, drift_l2, self._seed)

    def _without_validation(self, factors: int, factor_l2: float, drift_l2: float) -> None:
        self._network = self._new_network(factors, factor_l2, drift_l2)
        epoch = self._epochs(self._network)
        for _ in range(_EPOCHS_WITHOUT_VALIDATION):
            epoch(self._learning_rate)
        self.options = TimeSVDppOptions(factors, factor_l2, drift_l2, _EPOCHS_WITHOUT_VALIDATION)

    def _trial(
        self, train: Interactions, valid: Interactions, factors: int, factor_l2: float, drift_l2: float
    ) -> float:
        """Trains one setting, keeps the network if it is the best so far, and returns its validation RMSE."""
        network = self._new_network(factors, factor_l2, drift_l2)

        def score() -> float:
            return validation_rmse(train, valid, self._predict(network, valid.user, valid.item, valid.timestamp))

        best, best_at = train_to_best(
            network, self._epochs(network), score, self._learning_rate, self._max_epochs, self._patience
        )
        if self.options is None or best < self.options.valid_rmse:
            self._network = network
            self.options = TimeSVDppOptions(factors, factor_l2, drift_l2, best_at, best)
        return best

    def _epochs(self, network: TimeFactors) -> Callable[[float], None]:
        """Returns a function that trains the network for one epoch at a given learning rate."""
        rng = np.random.default_rng(self._seed)
        rated = np.flatnonzero(self._rows.row_count)
        most_users = min(max(len(rated) // _BATCHES, 1), _BATCH_USERS)

        def epoch(rate: float) -> None:
            for users in self._rows.cut(rng.permutation(rated), most_users, _BATCH_RATINGS):
                network.step(self._batch(users), np.float32(rate))

        return epoch

    def _batch(self, users: npt.NDArray[np.integer]) -> UserBatch:
        rows, at = self._rows.batch(users), self._rows.positions(users)
        train = self._clock.train
        day, day_of = np.unique(train.day[at], return_inverse=True)
        cell, bin_of, times = np.unique(train.bin[at], return_inverse=True, return_counts=True)
        return UserBatch(
            user=users.astype(np.int64),
            slot=rows.slot,
            item=rows.columns,
            item_of=rows.local,
            day=day,
            day_of=day_of,
            bin=cell,
            bin_of=bin_of,
            deviation=train.deviation[at],
            value=rows.value,
            item_fraction=rows.fraction,
            bin_fraction=(times / self._bin_count[cell]).astype(np.float32),
            implicit=(1 / np.sqrt(np.maximum(self._rows.row_count[users], 1))).astype(np.float32),
        )

    def _predict(
        self,
        network: TimeFactors,
        user: npt.NDArray[np.integer],
        item: npt.NDArray[np.integer],
        timestamp: npt.NDArray[np.integer],
    ) -> FloatArray:
        b_u, slope, b_t, b_i, b_bin, _, A, Q, _ = network.values
        where = self._clock.of(user, item, timestamp)
        predicted = (
            self._mean + b_u[user] + slope[user] * where.deviation + b_t[where.day] + b_i[item] + b_bin[where.bin]
        )
        # Sorted by user, so that each user's factors are summed in one block, or in two.
        order = np.argsort(user, kind="stable")
        for block in np.split(order, range(_BATCH_RATINGS, len(order), _BATCH_RATINGS)):
            users, slot = np.unique(user[block], return_inverse=True)
            taste = network.tastes(self._batch(users)).numpy()[slot]
            taste += where.deviation[block, np.newaxis] * A[user[block]]
            predicted[block] += np.einsum("nk,nk->n", taste, Q[item[block]])
        return predicted.astype(np.float32)

    def _fitted(self) -> TimeFactors:
        if self.options is None:
            raise RuntimeError(f"{self.name} should be fitted before it is used")
        return self._network


class _Moments(NamedTuple):
    """Time features of N ratings: dev_u(t), index of the pair of user and day (0: none), of that of item and bin."""

    deviation: FloatArray
    day: Index
    bin: Index


class _Clock:
    """Computes the time features of TimeSVD++ from the training ratings.

    Attributes:
      days: int64[D], ascending keys of the pairs of user and day with training ratings; their indices begin at 1.
      train: time features of the training ratings.
    """

    def __init__(self, train: Interactions, bins: int) -> None:
        self._bins = bins
        self._begin, self._end = (int(train.timestamp.min()), int(train.timestamp.max())) if len(train) else (0, 0)
        count = np.bincount(train.user, minlength=train.num_users + 1)
        self._rated = count > 0
        total = np.bincount(train.user, train.timestamp - self._begin, minlength=train.num_users + 1)
        self._mean_time = self._begin + total / np.maximum(count, 1)
        self.days = np.unique(self._day_keys(train.user, train.timestamp))
        self.train = self.of(train.user, train.item, train.timestamp)

    def of(
        self, user: npt.NDArray[np.integer], item: npt.NDArray[np.integer], timestamp: npt.NDArray[np.integer]
    ) -> _Moments:
        """Computes the features of any ratings; after training, deviation and bin are those of its last timestamp."""
        span = max(self._end - self._begin, 1)
        time = np.clip(timestamp, self._begin, self._end)
        # Time is in units of the whole training span, so that |dev_u(t)| <= 1.
        since = np.where(self._rated[user], time - self._mean_time[user], 0) / span
        deviation = (np.sign(since) * np.abs(since) ** _BETA).astype(np.float32)
        number = np.minimum((time - self._begin) * self._bins // span, self._bins - 1)
        key = self._day_keys(user, timestamp)
        at = np.searchsorted(self.days, key)
        known = np.append(self.days, -1)[at] == key
        return _Moments(deviation, np.where(known, at + 1, 0), item.astype(np.int64) * self._bins + number)

    def _day_keys(self, user: npt.NDArray[np.integer], timestamp: npt.NDArray[np.integer]) -> Index:
        days = (self._end - self._begin) // _DAY + 2
        # All days after training are mapped to one day, which has no training ratings.
        return user.astype(np.int64) * days + np.clip((timestamp - self._begin) // _DAY, 0, days - 1)


def slow(seed: int) -> list[Baseline]:
    """The leaderboard's."""
    return [TimeSVDpp(seed=seed)]
