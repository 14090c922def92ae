"""The network of AutoRec: an autoencoder with one hidden layer for sparse rows of ratings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.baselines.ratings.sparse_rows import RowBatch, SparseRows
from rrn_tf.baselines.sparse_adam import SparseAdam, gathered_gradients

_INITIAL_SCALE = 0.03
_INDEX, _FLOATS = tf.TensorSpec([None], tf.int64), tf.TensorSpec([None], tf.float32)
_BATCH = RowBatch(_INDEX, _INDEX, _FLOATS, _INDEX, _FLOATS, tf.TensorSpec([], tf.int64))


class Autoencoder(tf.Module):
    """The autoencoder h(r) = W g(V r + mu) + b with the sigmoid as g, for sparse rows r.

    The objective is sum (r - h(r))^2 + l2 / 2 (|V|^2 + |W|^2) over the observed entries. Gradients of a batch of
    rows are sparse: they have only the columns that occur in the batch, so that their cost does not grow with the
    number of columns. Each entry of column c adds 1 / n_c of the column's regulariser, all of it over an epoch.

    Args:
      rows: the training ratings; V and W of columns without an entry stay zero. W starts at zero everywhere, so
        that h(r) = 0 at first.
      hidden: width k of the hidden layer.
      l2: weight of the regulariser.
      seed: seed of the initial V.

    Reference:
      Sedhain, Menon, Sanner and Xie, AutoRec: Autoencoders Meet Collaborative Filtering, WWW 2015,
      Eqs. 2 to 4.
    """

    def __init__(self, rows: SparseRows, hidden: int, l2: float, seed: int = 0) -> None:
        super().__init__()
        V = np.random.default_rng(seed).standard_normal((rows.num_columns, hidden), np.float32)
        V *= np.float32(_INITIAL_SCALE) * (rows.column_count > 0)[:, np.newaxis]
        self.V = tf.Variable(V, name="V")
        self.mu = tf.Variable(tf.zeros([1, hidden]), name="mu")
        self.W = tf.Variable(tf.zeros_like(V), name="W")
        self.b = tf.Variable(tf.zeros([rows.num_columns]), name="b")
        self.weights = (self.V, self.mu, self.W, self.b)
        self._l2 = l2

    @property
    def values(self) -> list[npt.NDArray[np.float32]]:
        """Returns copies of V, mu, W and b."""
        return [weight.numpy() for weight in self.weights]

    def assign(self, values: Sequence[npt.NDArray[np.float32]]) -> None:
        """Sets V, mu, W and b."""
        for weight, value in zip(self.weights, values, strict=True):
            weight.assign(value)

    @tf.function(input_signature=[_BATCH], autograph=False)
    def encode(self, batch: RowBatch) -> tf.Tensor:
        """Computes g(V r + mu) of a batch of rows: float32[B, k]."""
        return _encode(batch, tf.gather(self.V, batch.columns), self.mu)

    @tf.function(input_signature=[tf.TensorSpec([None, None]), _INDEX, _INDEX], autograph=False)
    def decode(self, hidden: tf.Tensor, slot: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
        """Computes single entries of W h + b.

        Args:
          hidden: float32[B, k], encoded rows.
          slot, column: int64[N], position in `hidden` and column of each entry.

        Returns:
          float32[N].
        """
        return _dot(hidden, slot, self.W, column) + tf.gather(self.b, column)

    def gradients(self, batch: RowBatch) -> list[tf.IndexedSlices]:
        """Computes the gradients of a batch's part of the objective with respect to V, mu, W and b."""
        places = (batch.columns, tf.constant([0], tf.int64), batch.columns, batch.columns)
        weights = [tf.gather(weight, place) for weight, place in zip(self.weights, places, strict=True)]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            V, mu, W, b = weights
            hidden = _encode(batch, V, mu)
            predicted = _dot(hidden, batch.slot, W, batch.local) + tf.gather(b, batch.local)
            penalty = tf.reduce_sum(batch.fraction[:, tf.newaxis] * (tf.square(V) + tf.square(W)))
            objective = tf.reduce_sum(tf.square(predicted - batch.value)) + self._l2 / 2 * penalty
        return gathered_gradients(tape.gradient(objective, weights), places)


class AdamSteps:
    """Trains a network by `SparseAdam`; weights and moments of rows that a batch lacks do not change.

    Args:
      network: the network to train.
    """

    def __init__(self, network: Autoencoder) -> None:
        self._network, self._adam = network, SparseAdam(network.weights)

    @tf.function(input_signature=[_BATCH, tf.TensorSpec([])], autograph=False)
    def step(self, batch: RowBatch, rate: tf.Tensor) -> None:
        """Takes one step on a batch of rows."""
        self._adam.apply(self._network.gradients(batch), rate)


def _sparse(batch: RowBatch, value: tf.Tensor) -> tf.SparseTensor:
    """Returns a sparse matrix of the batch's rows by its columns with the given values."""
    indices = tf.stack([batch.slot, batch.local], axis=1)
    return tf.SparseTensor(indices, value, [batch.size, tf.size(batch.columns, tf.int64)])


def _dot(left: tf.Tensor, i: tf.Tensor, right: tf.Tensor, j: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.gather(left, i) * tf.gather(right, j), axis=1)


def _encode(batch: RowBatch, V: tf.Tensor, mu: tf.Tensor) -> tf.Tensor:
    """g(V r + mu) of a batch's rows, from the rows of V at its columns."""
    return tf.sigmoid(tf.sparse.sparse_dense_matmul(_sparse(batch, batch.value), V) + mu)
