"""AutoRec: an autoencoder for the ratings of an item (I-AutoRec) or of a user (U-AutoRec)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.halving_rate import train_to_best
from rrn_tf.baselines.ratings.autoencoder import AdamSteps, Autoencoder
from rrn_tf.baselines.ratings.protocol import Baseline, validation_rmse
from rrn_tf.baselines.ratings.sparse_rows import SparseRows
from rrn_tf.data.interactions import Interactions
from rrn_tf.features import SIDES, Side

FloatArray = npt.NDArray[np.float32]

_BATCH_ROWS = 128
_BATCHES = 32  # the fewest batches of an epoch, if there are enough rows
# Bounds the memory of the gathered rows of W, two float32[entries, k], when rows are long.
_BATCH_ENTRIES = 1 << 15
_EPOCHS_WITHOUT_VALIDATION = 10


@dataclass(frozen=True)
class AutoRecOptions:
    """The options that a fitted `AutoRec` chose, and its validation RMSE (NaN without validation ratings)."""

    l2: float
    epochs: int
    valid_rmse: float = float("nan")


class AutoRec:
    """I-AutoRec or U-AutoRec; the regulariser is chosen on the validation ratings unless one value is given.

    The training mean is subtracted from the ratings, and unobserved entries stay absent from the sparse rows. Every
    trial stops at its best epoch; regularisers are tried from the strongest on until one is no better than the one
    before.

    Args:
      side: side of the entities with one row each: ``Side.ITEM`` gives I-AutoRec, ``Side.USER`` U-AutoRec.
      hidden: width k of the hidden layer.
      l2: one value of lambda, or the grid to choose from.
      learning_rate: first learning rate of Adam; it is halved after every epoch that does not lower the validation
        RMSE.
      max_epochs: the most epochs of a trial.
      patience: number of epochs without a better validation RMSE after which a trial ends.
      seed: seed of the initial weights and the order of the batches.

    Raises:
      ValueError: for an option out of range.

    Example:
      >>> model = AutoRec(Side.ITEM, hidden=4, l2=1.0).fit(train, valid)
      >>> len(model.predict(test.user, test.item, test.timestamp)) == len(test)
      True

    Reference:
      Sedhain, Menon, Sanner and Xie, AutoRec: Autoencoders Meet Collaborative Filtering, WWW 2015;
      k = 500 as there and in Wu et al., WSDM 2017, Section 4.1.
    """

    def __init__(
        self,
        side: Side,
        hidden: int = 500,
        l2: float | Sequence[float] = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0),
        learning_rate: float = 2e-3,
        max_epochs: int = 40,
        patience: int = 4,
        seed: int = 0,
    ) -> None:
        self.side = side
        self.name = f"{side.value[0].upper()}-AutoRec"
        self._l2 = sorted([l2] if isinstance(l2, (int, float)) else l2, reverse=True)
        if not self._l2 or self._l2[-1] < 0:
            raise ValueError(f"l2 should be one or more values of at least 0, received {self._l2}")
        if hidden < 1:
            raise ValueError(f"hidden should be at least 1, received {hidden}")
        self._hidden, self._learning_rate, self._seed = hidden, learning_rate, seed
        self._max_epochs, self._patience = max_epochs, patience
        self.options: AutoRecOptions | None = None

    def fit(self, train: Interactions, valid: Interactions) -> AutoRec:
        """Fits the network and sets `options` to the best trial's."""
        self._mean = float(train.rating.mean(dtype=np.float64)) if len(train) else 0.0
        self._rows = SparseRows(train, self.side, self._mean)
        self.options = None
        if not len(valid):
            self._fit_without_validation()
            return self
        best = np.inf
        for l2 in self._l2:
            found = self._trial(train, valid, l2)
            if found >= best:
                break
            best = found
        return self

    def predict(
        self,
        user: npt.NDArray[np.integer],
        item: npt.NDArray[np.integer],
        timestamp: npt.NDArray[np.integer] | None = None,
    ) -> FloatArray:
        """Predicts ratings: float32[N].

        The prediction is the training mean if the column entity (for U-AutoRec: the item) is unknown, and the
        network's output for a row without ratings if only the row entity is.
        """
        return self._predict(self._fitted(), user, item)

    def factors(self) -> tuple[FloatArray, FloatArray]:
        """Returns stationary factors with inner products that are the model's deviations from the training mean.

        Those of a row entity are ``[g(V r + mu), 1]``, those of a column entity ``[W_j, b_j]``.

        Returns:
          `(U, M)`: float32[num_users + 1, hidden + 1] and float32[num_items + 1, hidden + 1]. Row 0 is
          zero, and so are columns without ratings.
        """
        network = self._fitted()
        of_rows = np.ones((self._rows.num_rows, self._hidden + 1), np.float32)
        for rows in self._rows.cut(np.arange(self._rows.num_rows), _BATCH_ROWS, _BATCH_ENTRIES):
            of_rows[rows, :-1] = network.encode(self._rows.batch(rows))
        of_rows[0] = 0
        _, _, W, b = network.values
        of_columns = np.concatenate([W, b[:, np.newaxis]], axis=1)
        return (of_rows, of_columns) if self.side is Side.USER else (of_columns, of_rows)

    @property
    def num_parameters(self) -> int:
        """Number of values in V, W, mu, b and the mean, without the training ratings that predictions need too."""
        return (self._rows.num_columns - 1) * (2 * self._hidden + 1) + self._hidden + 1

    def _fit_without_validation(self) -> None:
        options = AutoRecOptions(self._l2[min(1, len(self._l2) - 1)], _EPOCHS_WITHOUT_VALIDATION)
        self._network = Autoencoder(self._rows, self._hidden, options.l2, self._seed)
        epoch = self._epochs(self._network)
        for _ in range(options.epochs):
            epoch(self._learning_rate)
        self.options = options

    def _trial(self, train: Interactions, valid: Interactions, l2: float) -> float:
        """Trains with one regulariser, keeps the network if it is the best so far, and returns its validation RMSE."""
        network = Autoencoder(self._rows, self._hidden, l2, self._seed)

        def score() -> float:
            return validation_rmse(train, valid, self._predict(network, valid.user, valid.item))

        best, best_at = train_to_best(
            network, self._epochs(network), score, self._learning_rate, self._max_epochs, self._patience
        )
        if self.options is None or best < self.options.valid_rmse:
            self._network, self.options = network, AutoRecOptions(l2, best_at, best)
        return best

    def _epochs(self, network: Autoencoder) -> Callable[[float], None]:
        """Returns a function that trains the network for one epoch at a given learning rate."""
        adam, rng = AdamSteps(network), np.random.default_rng(self._seed)
        rated = np.flatnonzero(self._rows.row_count)
        most_rows = min(max(len(rated) // _BATCHES, 1), _BATCH_ROWS)

        def epoch(rate: float) -> None:
            for rows in self._rows.cut(rng.permutation(rated), most_rows, _BATCH_ENTRIES):
                adam.step(self._rows.batch(rows), np.float32(rate))

        return epoch

    def _predict(
        self, network: Autoencoder, user: npt.NDArray[np.integer], item: npt.NDArray[np.integer]
    ) -> FloatArray:
        row, column = (user, item) if self.side is Side.USER else (item, user)
        deviation = np.empty(len(row), np.float32)
        # Sorted by row, so that each row is encoded in one block, or in two.
        order = np.argsort(row, kind="stable")
        for block in np.split(order, range(_BATCH_ENTRIES, len(order), _BATCH_ENTRIES)):
            rows, slot = np.unique(row[block], return_inverse=True)
            hidden = network.encode(self._rows.batch(rows))
            deviation[block] = network.decode(hidden, slot, column[block].astype(np.int64))
        return deviation + np.float32(self._mean)

    def _fitted(self) -> Autoencoder:
        if self.options is None:
            raise RuntimeError(f"{self.name} should be fitted before it is used")
        return self._network


def slow(seed: int) -> list[Baseline]:
    """The leaderboard's."""
    return [AutoRec(side, seed=seed) for side in SIDES[::-1]]
