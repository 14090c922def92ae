"""The parameters of TimeSVD++ and their steps on batches of users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.baselines.ratings.sparse_rows import SparseRows
from rrn_tf.baselines.sparse_adam import SparseAdam

FloatArray = npt.NDArray[np.float32]

_INDEX, _FLOATS = tf.TensorSpec([None], tf.int64), tf.TensorSpec([None], tf.float32)
_INITIAL_SCALE = 0.1  # of |p| and |q|


class UserBatch(NamedTuple):
    """All ratings of some users; B users, N ratings, C items, D pairs of user and day, K pairs of item and bin.

    Attributes:
      user: int64[B].
      slot: int64[N], position in `user` of each rating's user.
      item: int64[C], ascending; item_of: int64[N], position in it.
      day: int64[D], ascending; day_of: int64[N], position in it.
      bin: int64[K], ascending; bin_of: int64[N], position in it.
      deviation: float32[N], dev_u(t).
      value: float32[N], ratings less their training mean.
      item_share: float32[C], part of all ratings of each item that is in this batch.
      bin_share: float32[K], the same of each pair of item and bin.
      implicit: float32[B], |N(u)|^(-1/2).
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
    item_share: FloatArray
    bin_share: FloatArray
    implicit: FloatArray


_BATCH = UserBatch(*([_INDEX] * 8), *([_FLOATS] * 5))


class Biases(NamedTuple):
    """b_u, float32[users], and b_i, float32[items], with the regularisers that they were fitted with."""

    user: FloatArray
    item: FloatArray
    user_l2: float
    item_l2: float


class TimeFactors(tf.Module):
    """b_u + alpha_u dev_u(t) + b_ut + b_i + b_i,Bin(t) + <q_i, p_u + a_u dev_u(t) + |N(u)|^(-1/2) sum_j y_j>.

    The objective is half of sum (r - r_hat)^2 + user_l2 |b_u|^2 + item_l2 |b_i|^2 + drift_l2 (|alpha|^2 + |b_ut|^2 +
    |b_i,Bin|^2) + factor_l2 (|P|^2 + |A|^2 + |Q|^2 + |Y|^2). A batch holds all ratings of its users; what items share
    with other batches carries its part of the regulariser.

    Args:
      rows: what it will be trained on; factors of entities without a rating are zero.
      biases: where b_u and b_i start; what drifts starts at zero.
      days, bins: numbers of pairs of user and day, and of item and bin.
      factors: k.
      factor_l2, drift_l2: weights of the regulariser.
      seed: of the initial factors.

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
        """Copies of all weights."""
        return [weight.numpy() for weight in self.weights]

    def assign(self, values: Sequence[FloatArray]) -> None:
        """Sets all weights."""
        for weight, value in zip(self.weights, values, strict=True):
            weight.assign(value)

    @tf.function(input_signature=[_BATCH], autograph=False)
    def tastes(self, batch: UserBatch) -> tf.Tensor:
        """p_u + |N(u)|^(-1/2) sum_j y_j of a batch's users: float32[B, k]."""
        return self._tastes(batch, tf.gather(self.Y, batch.item))

    @tf.function(input_signature=[_BATCH, tf.TensorSpec([])], autograph=False)
    def step(self, batch: UserBatch, rate: tf.Tensor) -> None:
        """One step of Adam; what the batch does not touch keeps weights and moments."""
        self._adam.apply(self.gradients(batch), rate)

    def gradients(self, batch: UserBatch) -> list[tf.IndexedSlices]:
        """Gradients of a batch's part of the objective, in the order of `weights`."""
        user_l2, item_l2, drift_l2, factor_l2 = self._l2
        b_u, slope, P, A = (tf.gather(of, batch.user) for of in (self.user, self.slope, self.P, self.A))
        b_i, Q, Y = (tf.gather(of, batch.item) for of in (self.item, self.Q, self.Y))
        b_t, b_bin = tf.gather(self.day, batch.day), tf.gather(self.bin, batch.bin)
        z = self._tastes(batch, Y)
        q = tf.gather(Q, batch.item_of)
        taste = tf.gather(z, batch.slot) + batch.deviation[:, tf.newaxis] * tf.gather(A, batch.slot)
        predicted = tf.gather(b_u, batch.slot) + batch.deviation * tf.gather(slope, batch.slot)
        predicted += tf.gather(b_t, batch.day_of) + tf.gather(b_i, batch.item_of) + tf.gather(b_bin, batch.bin_of)
        error = predicted + tf.reduce_sum(q * taste, axis=1) - batch.value
        drifting = error * batch.deviation

        def total(of: tf.Tensor, where: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
            return tf.math.unsorted_segment_sum(of, where, tf.size(like))

        e, d = self._sparse(batch, error), self._sparse(batch, drifting)
        of_z = tf.sparse.sparse_dense_matmul(e, Q)
        of_y = tf.sparse.sparse_dense_matmul(self._ones(batch), of_z, adjoint_a=True)
        of_q = tf.sparse.sparse_dense_matmul(e, z, adjoint_a=True)
        of_q += tf.sparse.sparse_dense_matmul(d, A, adjoint_a=True)
        share = batch.item_share[:, tf.newaxis]
        at_users = (
            total(error, batch.slot, batch.user) + user_l2 * b_u,
            total(drifting, batch.slot, batch.user) + drift_l2 * slope,
            of_z + factor_l2 * P,
            tf.sparse.sparse_dense_matmul(d, Q) + factor_l2 * A,
        )
        at_items = (
            total(error, batch.item_of, batch.item) + item_l2 * batch.item_share * b_i,
            of_q + factor_l2 * share * Q,
            of_y + factor_l2 * share * Y,
        )
        du, dslope, dP, dA = (tf.IndexedSlices(gradient, batch.user) for gradient in at_users)
        di, dQ, dY = (tf.IndexedSlices(gradient, batch.item) for gradient in at_items)
        dt = tf.IndexedSlices(total(error, batch.day_of, batch.day) + drift_l2 * b_t, batch.day)
        of_bin = total(error, batch.bin_of, batch.bin) + drift_l2 * batch.bin_share * b_bin
        return [du, dslope, dt, di, tf.IndexedSlices(of_bin, batch.bin), dP, dA, dQ, dY]

    def _tastes(self, batch: UserBatch, Y: tf.Tensor) -> tf.Tensor:
        return tf.gather(self.P, batch.user) + tf.sparse.sparse_dense_matmul(self._ones(batch), Y)

    def _ones(self, batch: UserBatch) -> tf.SparseTensor:
        """|N(u)|^(-1/2) where user u rated item j, a batch's users by its items."""
        return self._sparse(batch, tf.gather(batch.implicit, batch.slot))

    def _sparse(self, batch: UserBatch, value: tf.Tensor) -> tf.SparseTensor:
        indices = tf.stack([batch.slot, batch.item_of], axis=1)
        return tf.SparseTensor(indices, value, [tf.size(batch.user, tf.int64), tf.size(batch.item, tf.int64)])
