"""The parameters of TimeSVD++ and their training steps on batches of users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.baselines.ratings.sparse_rows import SparseRows
from rrn_tf.baselines.sparse_adam import SparseAdam, gathered_gradients

FloatArray = npt.NDArray[np.float32]

_INDEX, _FLOATS = tf.TensorSpec([None], tf.int64), tf.TensorSpec([None], tf.float32)
_INITIAL_SCALE = 0.1  # initial size of |p| and |q|


class UserBatch(NamedTuple):
    """All N ratings of B users, with C items, D pairs of user and day, and K pairs of item and bin.

    Attributes:
      user: int64[B], user indices.
      slot: int64[N], position in `user` of each rating's user.
      item: int64[C], ascending; item_of: int64[N], position in it.
      day: int64[D], ascending; day_of: int64[N], position in it.
      bin: int64[K], ascending; bin_of: int64[N], position in it.
      deviation: float32[N], dev_u(t).
      value: float32[N], ratings less their training mean.
      item_fraction: float32[C], fraction of all ratings of each item that are in this batch.
      bin_fraction: float32[K], the same fraction for each pair of item and bin.
      implicit: float32[B], |N(u)|^(-1/2), where N(u) are the items that the user rated.
    """

    user: npt.NDArray[np.int64]
    slot: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    item_of: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    day_of: npt.NDArray[np.int64]
    bin: npt.NDArray[np.int64]
    bin_of: npt.NDArray[np.int64]
    deviation: FloatArray
    value: FloatArray
    item_fraction: FloatArray
    bin_fraction: FloatArray
    implicit: FloatArray


_BATCH = UserBatch(*([_INDEX] * 8), *([_FLOATS] * 5))


class Biases(NamedTuple):
    """Biases b_u, float32[users], and b_i, float32[items], with the regularisers that they were fitted with."""

    user: FloatArray
    item: FloatArray
    user_l2: float
    item_l2: float


class TimeFactors(tf.Module):
    """b_u + alpha_u dev_u(t) + b_ut + b_i + b_i,Bin(t) + <q_i, p_u + a_u dev_u(t) + |N(u)|^(-1/2) sum_j y_j>.

    The objective is half of sum (r - r_hat)^2 + user_l2 |b_u|^2 + item_l2 |b_i|^2 + drift_l2 (|alpha|^2 + |b_ut|^2 +
    |b_i,Bin|^2) + factor_l2 (|P|^2 + |A|^2 + |Q|^2 + |Y|^2). A batch holds all ratings of its users; it adds the
    regularisers of an item by the fraction of the item's ratings that it has.

    Args:
      rows: the training ratings; factors of entities without a rating are zero.
      biases: initial b_u and b_i; time-dependent parameters start at zero.
      days, bins: numbers of pairs of user and day, and of item and bin.
      factors: number of factors k.
      factor_l2, drift_l2: weights of the regulariser of factors and of time-dependent biases.
      seed: seed of the initial factors.

    Reference:
      Koren, Collaborative Filtering with Temporal Dynamics, KDD 2009, Eqs. 9, 11 and 13, without c_u(t).
    """

    def __init__(
        self,
        rows: SparseRows,
        biases: Biases,
        days: int,
        bins: int,
        factors: int,
        factor_l2: float,
        drift_l2: float,
        seed: int = 0,
    ) -> None:
        super().__init__()
        users = rows.num_rows
        rng = np.random.default_rng(seed)
        scale = np.float32(_INITIAL_SCALE / np.sqrt(factors))
        P, Q = (
            scale * rng.standard_normal((len(count), factors), np.float32) * (count > 0)[:, np.newaxis]
            for count in (rows.row_count, rows.column_count)
        )
        self.user, self.item = tf.Variable(biases.user), tf.Variable(biases.item)
        self.slope, self.day, self.bin = (tf.Variable(tf.zeros([size])) for size in (users, days, bins))
        self.P, self.Q = tf.Variable(P), tf.Variable(Q)
        self.A, self.Y = tf.Variable(tf.zeros_like(P)), tf.Variable(tf.zeros_like(Q))
        self.weights = (self.user, self.slope, self.day, self.item, self.bin, self.P, self.A, self.Q, self.Y)
        self._l2 = (biases.user_l2, biases.item_l2, drift_l2, factor_l2)
        self._adam = SparseAdam(self.weights)

    @property
    def values(self) -> list[FloatArray]:
        """Returns copies of all weights."""
        return [weight.numpy() for weight in self.weights]

    def assign(self, values: Sequence[FloatArray]) -> None:
        """Sets all weights."""
        for weight, value in zip(self.weights, values, strict=True):
            weight.assign(value)

    @tf.function(input_signature=[_BATCH], autograph=False)
    def tastes(self, batch: UserBatch) -> tf.Tensor:
        """Computes p_u + |N(u)|^(-1/2) sum_j y_j of a batch's users: float32[B, k]."""
        return self._tastes(batch, tf.gather(self.P, batch.user), tf.gather(self.Y, batch.item))

    @tf.function(input_signature=[_BATCH, tf.TensorSpec([])], autograph=False)
    def step(self, batch: UserBatch, rate: tf.Tensor) -> None:
        """Takes one step of Adam; weights and moments of entities outside the batch do not change."""
        self._adam.apply(self.gradients(batch), rate)

    def gradients(self, batch: UserBatch) -> list[tf.IndexedSlices]:
        """Computes the gradients of a batch's part of the objective, in the order of `weights`."""
        at = {"user": batch.user, "day": batch.day, "item": batch.item, "bin": batch.bin}
        places = [at[side] for side in ("user", "user", "day", "item", "bin", "user", "user", "item", "item")]
        weights = [tf.gather(weight, place) for weight, place in zip(self.weights, places, strict=True)]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            objective = self._objective(batch, *weights)
        return gathered_gradients(tape.gradient(objective, weights), places)

    def _objective(
        self,
        batch: UserBatch,
        b_u: tf.Tensor,
        slope: tf.Tensor,
        b_t: tf.Tensor,
        b_i: tf.Tensor,
        b_bin: tf.Tensor,
        P: tf.Tensor,
        A: tf.Tensor,
        Q: tf.Tensor,
        Y: tf.Tensor,
    ) -> tf.Tensor:
        """Computes the batch's part of the objective, from the rows of all weights that it concerns."""
        user_l2, item_l2, drift_l2, factor_l2 = self._l2
        z = self._tastes(batch, P, Y)
        taste = tf.gather(z, batch.slot) + batch.deviation[:, tf.newaxis] * tf.gather(A, batch.slot)
        predicted = tf.gather(b_u, batch.slot) + batch.deviation * tf.gather(slope, batch.slot)
        predicted += tf.gather(b_t, batch.day_of) + tf.gather(b_i, batch.item_of) + tf.gather(b_bin, batch.bin_of)
        error = predicted + tf.reduce_sum(tf.gather(Q, batch.item_of) * taste, axis=1) - batch.value
        fraction = batch.item_fraction[:, tf.newaxis]

        def squared(values: tf.Tensor) -> tf.Tensor:
            return tf.reduce_sum(tf.square(values))

        drift = squared(slope) + squared(b_t) + tf.reduce_sum(batch.bin_fraction * tf.square(b_bin))
        factors = squared(P) + squared(A) + tf.reduce_sum(fraction * (tf.square(Q) + tf.square(Y)))
        biases = user_l2 * squared(b_u) + item_l2 * tf.reduce_sum(batch.item_fraction * tf.square(b_i))
        return (squared(error) + biases + drift_l2 * drift + factor_l2 * factors) / 2

    def _tastes(self, batch: UserBatch, P: tf.Tensor, Y: tf.Tensor) -> tf.Tensor:
        return P + tf.sparse.sparse_dense_matmul(self._ones(batch), Y)

    def _ones(self, batch: UserBatch) -> tf.SparseTensor:
        """Returns the sparse matrix of a batch's users by its items with |N(u)|^(-1/2) where user u rated item j."""
        return self._sparse(batch, tf.gather(batch.implicit, batch.slot))

    def _sparse(self, batch: UserBatch, value: tf.Tensor) -> tf.SparseTensor:
        indices = tf.stack([batch.slot, batch.item_of], axis=1)
        return tf.SparseTensor(indices, value, [tf.size(batch.user, tf.int64), tf.size(batch.item, tf.int64)])
