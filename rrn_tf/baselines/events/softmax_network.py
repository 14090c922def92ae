"""The variables of softmax matrix factorisation, their likelihood and its gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.baselines.sparse_adam import SparseAdam

_INITIAL_SCALE = 0.1
_INDEX, _FLOATS = tf.TensorSpec([None], tf.int64), tf.TensorSpec([None], tf.float32)


class UserBatch(NamedTuple):
    """A batch with all training events of B users, as counts of N pairs of user and item.

    Attributes:
      user: int64[B], distinct user indices.
      slot: int64[N], position in the batch of each pair's user.
      item: int64[N], item index less one.
      times: float32[N], how often the pair occurs.
      fraction: float32[], fraction of all users that are in this batch.
    """

    user: npt.NDArray[np.int64]
    slot: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    times: npt.NDArray[np.float32]
    fraction: np.float32


_BATCH = UserBatch(_INDEX, _INDEX, _INDEX, _FLOATS, tf.TensorSpec([]))


class SoftmaxNetwork(tf.Module):
    """The model p(j | i) = softmax_j(<u_i, v_j> + b_j) of the items j of user i.

    The objective is -sum log p(j | i) over the training events + l2 / 2 (|U|^2 + |V|^2). Since p does not depend on
    a user's earlier events, they enter as counts: one row of M scores serves all events of a user.

    Args:
      users, items: numbers of rows of U and V.
      factors: number of factors of each row.
      l2: weight of the regulariser.
      bias: float32[items], initial value of b.
      seed: seed of the initial factors.
    """

    def __init__(
        self, users: int, items: int, factors: int, l2: float, bias: npt.NDArray[np.float32], seed: int = 0
    ) -> None:
        super().__init__()
        rng = np.random.default_rng(seed)
        scale = np.float32(_INITIAL_SCALE)
        self.U = tf.Variable(scale * rng.standard_normal((users, factors), np.float32), name="U")
        self.V = tf.Variable(scale * rng.standard_normal((items, factors), np.float32), name="V")
        self.b = tf.Variable(bias, name="b")
        self._l2, self._adam = l2, SparseAdam(self.weights)

    @property
    def weights(self) -> tuple[tf.Variable, tf.Variable, tf.Variable]:
        """The variables U, V and b."""
        return self.U, self.V, self.b

    @property
    def values(self) -> list[npt.NDArray[np.float32]]:
        """Returns copies of U, V and b."""
        return [weight.numpy() for weight in self.weights]

    def assign(self, values: Sequence[npt.NDArray[np.float32]]) -> None:
        """Sets U, V and b."""
        for weight, value in zip(self.weights, values, strict=True):
            weight.assign(value)

    @tf.function(input_signature=[_INDEX], autograph=False)
    def log_probabilities(self, user: tf.Tensor) -> tf.Tensor:
        """Computes log p(j | i) of every item for users int64[B]: float32[B, items]."""
        return tf.nn.log_softmax(self._scores(tf.gather(self.U, user)))

    @tf.function(input_signature=[_BATCH], autograph=False)
    def gradients(self, batch: UserBatch) -> tuple[tf.IndexedSlices, tf.Tensor, tf.Tensor]:
        """Computes the gradients of a batch's part of the objective with respect to U, V and b."""
        u = tf.gather(self.U, batch.user)
        with tf.GradientTape() as tape:
            tape.watch(u)
            log_p = tf.nn.log_softmax(self._scores(u))
            fit = tf.reduce_sum(batch.times * tf.gather_nd(log_p, tf.stack([batch.slot, batch.item], axis=1)))
            penalty = tf.reduce_sum(tf.square(u)) + batch.fraction * tf.reduce_sum(tf.square(self.V))
            objective = self._l2 / 2 * penalty - fit
        of_u, of_v, of_b = tape.gradient(objective, [u, self.V, self.b])
        return tf.IndexedSlices(of_u, batch.user), of_v, of_b

    @tf.function(input_signature=[_BATCH, tf.TensorSpec([])], autograph=False)
    def step(self, batch: UserBatch, rate: tf.Tensor) -> None:
        """Takes one step of Adam; users outside the batch keep their factors and moments."""
        self._adam.apply(self.gradients(batch), rate)

    def _scores(self, u: tf.Tensor) -> tf.Tensor:
        return tf.matmul(u, self.V, transpose_b=True) + self.b
