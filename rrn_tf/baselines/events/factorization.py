"""Softmax matrix factorisation: a distribution over items for each user that ignores the order of events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.events.protocol import DistributionModel, EventBaseline, FloatArray, validation_nll
from rrn_tf.baselines.events.softmax_network import SoftmaxNetwork, UserBatch
from rrn_tf.baselines.grid_search import Trial, as_grid, search
from rrn_tf.baselines.halving_rate import train_to_best
from rrn_tf.data.event_counts import EventCounts
from rrn_tf.data.event_scores import Positions, positions_of
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split

_BATCH_USERS = 32
_BATCH_SCORES = 1 << 22
_EPOCHS_WITHOUT_VALIDATION = 10


class SoftmaxFactorization(DistributionModel):
    """Predicts item j of user i by p(j | i) = softmax_j(<u_i, v_j> + b_j) over all items.

    b starts at the logarithm of the items' smoothed frequencies (the pooled unigram). Options with several values are
    chosen on the validation events: first the regulariser, from the strongest on and with the fewest factors, until one
    is no better than the one before; then more factors, for as long as they help. Every trial stops at its best epoch.

    Args:
      factors, l2: one value, or the grid to choose from.
      learning_rate: first learning rate of Adam; it is halved after every epoch that does not lower the validation NLL.
      max_epochs: the most epochs of a trial.
      patience: number of epochs without a better validation NLL after which a trial ends.
      seed: seed of the initial factors and of the order of the users.

    Raises:
      ValueError: for an option out of range.

    Example:
      >>> model = SoftmaxFactorization(factors=2, l2=0.1).fit(sequences)
      >>> len(model.log_probabilities(sequences, positions)) == len(positions)
      True

    Reference:
      Mnih and Teh, Learning Label Trees for Probabilistic Modelling of Implicit Feedback, NIPS 2012 (the softmax of
      inner products; there over a tree).
    """

    name, reference = "MF", "Mnih and Teh, NIPS 2012"

    def __init__(
        self,
        factors: int | Sequence[int] = (16, 32, 64),
        l2: float | Sequence[float] = (20.0, 10.0, 5.0, 3.0, 2.0, 1.0),
        learning_rate: float = 0.03,
        max_epochs: int = 120,
        patience: int = 4,
        seed: int = 0,
    ) -> None:
        self._factors, self._l2 = as_grid("factors", factors, 1), as_grid("l2", l2, 0)[::-1]
        self._learning_rate, self._seed = learning_rate, seed
        self._max_epochs, self._patience = max_epochs, patience
        self.chosen: Trial[SoftmaxNetwork] | None = None
        self._network: SoftmaxNetwork | None = None

    def fit(self, sequences: EventSequences) -> SoftmaxFactorization:
        """Fits the factors and sets `chosen` to the best trial."""
        train = positions_of(sequences, [Split.TRAIN])
        self._counts = EventCounts(sequences.user[train].astype(np.int64), sequences.item[train], sequences.num_items)
        popularity = np.bincount(sequences.item[train], minlength=sequences.num_items + 1)[1:] + 1.0
        self._bias = np.log(popularity / popularity.sum()).astype(np.float32)
        if len(positions_of(sequences, [Split.VALID])):
            self.chosen = search(lambda factors, l2: self._trial(sequences, factors, l2), self._factors, self._l2)
        else:
            self.chosen = self._without_validation(sequences)
        self._network = self.chosen.parameters
        return self

    @property
    def num_parameters(self) -> int:
        """Number of values in U, V and b, without the row of the unknown user."""
        return sum(value.size for value in self._fitted().values) - self._fitted().U.shape[1]

    def _contexts(self, sequences: EventSequences, positions: Positions) -> npt.NDArray[np.int64]:
        return sequences.user[positions].astype(np.int64)

    def _distribution(self, contexts: npt.NDArray[np.int64]) -> FloatArray:
        return np.asarray(self._fitted().log_probabilities(contexts))

    def _without_validation(self, sequences: EventSequences) -> Trial[SoftmaxNetwork]:
        factors, l2 = self._factors[0], self._l2[len(self._l2) // 2]
        network = self._new_network(sequences, factors, l2)
        epoch = self._epochs(sequences, network)
        for _ in range(_EPOCHS_WITHOUT_VALIDATION):
            epoch(self._learning_rate)
        return Trial(factors, l2, _EPOCHS_WITHOUT_VALIDATION, float("nan"), network)

    def _trial(self, sequences: EventSequences, factors: int, l2: float) -> Trial[SoftmaxNetwork]:
        """Trains a network with one setting and returns it at its best epoch."""
        network = self._network = self._new_network(sequences, factors, l2)
        epoch, score = self._epochs(sequences, network), partial(validation_nll, self, sequences)
        best, best_at = train_to_best(network, epoch, score, self._learning_rate, self._max_epochs, self._patience)
        return Trial(factors, l2, best_at, best, network)

    def _new_network(self, sequences: EventSequences, factors: int, l2: float) -> SoftmaxNetwork:
        return SoftmaxNetwork(sequences.num_users + 1, sequences.num_items, factors, l2, self._bias, self._seed)

    def _epochs(self, sequences: EventSequences, network: SoftmaxNetwork) -> Callable[[float], None]:
        """Returns a function that trains the network for one epoch at a given learning rate."""
        rng, users = np.random.default_rng(self._seed), np.flatnonzero(sequences.counts([Split.TRAIN]))
        size = max(min(_BATCH_USERS, _BATCH_SCORES // sequences.num_items), 1)

        def epoch(rate: float) -> None:
            order = rng.permutation(users)
            for user in np.split(order, range(size, len(order), size)):
                rows = self._counts.rows(user)
                fraction = np.float32(len(user) / len(users))
                network.step(UserBatch(user, *self._counts.entries(rows), fraction), np.float32(rate))

        return epoch

    def _fitted(self) -> SoftmaxNetwork:
        if self._network is None:
            raise RuntimeError(f"{self.name} should be fitted before it is used")
        return self._network


def slow(seed: int) -> list[EventBaseline]:
    """The leaderboard's."""
    return [SoftmaxFactorization(seed=seed)]
