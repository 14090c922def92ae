"""Attention over a user's own past: the items that followed events similar to the latest one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers.history_copy import HistoryCopy, empty_columns, weights_of
from rrn_tf.layers.mixture_gate import ABSENT

WIDTH = 32  # of the queries and keys that measure the similarity of two items
_SCALE = 5.0  # item vectors start small; similarities and attended values should not


@keras.saving.register_keras_serializable("rrn_tf")
class HistoryAttention(keras.layers.Layer):
    """Attends to a user's past events, weighted by the similarity of each one's predecessor to the latest event.

    With v the item vectors, the weight of the past event j for the next event t is, in each head, a softmax over j of
    ``r[t, j] + (v[t - 1] Q) . (v[j - 1] K) / sqrt(width)``, where r are log-weights by age and time as in
    `HistoryCopy`. The output is the sum over heads of ``(sum_j weight[t, j] v[j]) W``. So a user's own transitions
    between kinds of items are read from the user's past events with weights shared by all users: no parameter belongs
    to a user, and new events have an effect at once.

    Args:
      units: width of item vectors and of the output.
      heads: number of attention heads.
      window: number of past events to attend to.
      width: width of queries and keys.
      clock: whether log-weights depend on the time of events, or on their order alone.
      without: features of the log-weights that are left out, as in `HistoryCopy`.

    Call arguments:
      inputs: int[B, window + 1 + T], items, and int64[B, window + 1 + T], times, as for `HistoryCopy`, and
        float[B, window + 1 + T, units], vectors of the items. Values at absent events, NaN included, have no effect;
        neither have items, times and vectors later than the event that is predicted.

    Returns:
      float[B, T, units]; zeros where the user has no earlier event.

    Example:
      >>> attend = HistoryAttention(units=2, heads=1, window=3)
      >>> items = tf.constant([[0, 7, 9, 7, 7, 9]])
      >>> attend((items, tf.constant([[0, 10, 20, 30, 40, 50]], tf.int64), tf.ones([1, 6, 2]))).shape.as_list()
      [1, 2, 2]

    Reference:
      Kang and McAuley, Self-Attentive Sequential Recommendation, ICDM 2018 (attention over a user's past); Olsson et
      al., In-context Learning and Induction Heads, 2022 (attention to what followed similar events).
    """

    def __init__(
        self,
        units: int,
        heads: int = 2,
        window: int = 384,
        width: int = WIDTH,
        clock: bool = True,
        without: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("units", units), ("width", width)):
            if value < 1:
                raise ValueError(f"{name} should be >= 1, received {value}")
        self.units = units
        self.heads = heads
        self.window = window
        self.width = width
        self.clock = clock
        self.without = tuple(without)
        self.recency = HistoryCopy(heads, window, clock, without, name="recency", dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        with tf.name_scope("recency"):
            self.recency.build(None)

        def normal(name: str, width: int, spread: float) -> tf.Variable:
            # Each variable needs an initializer of its own: one used twice gives the same numbers twice.
            start = keras.initializers.RandomNormal(stddev=spread)
            return self.add_weight(name, (self.heads, self.units, width), initializer=start)

        self.queries, self.keys = (normal(name, self.width, self.units**-0.5) for name in ("queries", "keys"))
        self.outputs = normal("outputs", self.units, (self.heads * self.units) ** -0.5)
        super().build(input_shape)

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        item, time, vectors = inputs
        dtype = tf.as_dtype(self.variable_dtype)
        queries, keys, outputs = (tf.cast(x, dtype) for x in (self.queries, self.keys, self.outputs))
        empty = empty_columns(item, self.window)
        item, time, vectors, before = item[:, empty:], time[:, empty:], _columns(vectors, empty, 0), self.window - empty
        there = (item > 0)[:, :, tf.newaxis]
        # Zero times NaN is NaN, so absent events are set to zero as well as given zero weight.
        vectors = _SCALE * tf.where(there, tf.cast(vectors, dtype), tf.zeros([], dtype))
        query = tf.einsum("btu,huw->bhtw", _columns(vectors, before, 1), queries)
        # There are usually fewer queries than past events, so the keys' matrix is applied to the queries.
        query = tf.einsum("bhtw,huw->bhtu", query, keys) * self.width**-0.5
        features, counts = self.recency.past(item, time, before)
        keys_of, values = _columns(vectors, 0, 2), _columns(vectors, 1, 1)
        met = _attended(query, keys_of, values, self.recency.coefficients(), features, counts)
        return tf.cast(tf.einsum("bhtu,huv->btv", met, outputs), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "heads": self.heads, "window": self.window, "width": self.width}
        return {**super().get_config(), **own, "clock": self.clock, "without": self.without}


def _columns(values: tf.Tensor, first: int | tf.Tensor, last: int | tf.Tensor) -> tf.Tensor:
    """Returns float[B, T, units] without its `first` leading and `last` trailing columns.

    The gradient is padded by `tf.pad`, which takes an eighth of the time of the gradient of a slice.
    """

    @tf.custom_gradient
    def between(values: tf.Tensor) -> tuple[tf.Tensor, Any]:
        found = values[:, first : tf.shape(values)[1] - last]
        return found, lambda upstream: tf.pad(upstream, [[0, 0], [first, last], [0, 0]])

    return between(values)


def _attended(
    query: tf.Tensor, before: tf.Tensor, after: tf.Tensor, kernel: tf.Tensor, features: tf.Tensor, counts: tf.Tensor
) -> tf.Tensor:
    """Computes float[B, H, T, units], means of `after` by a softmax of similarity and features; 0 without past events.

    The gradient is written out by hand: automatic differentiation would pass over all pairs of events many more times.

    Args:
      query: float[B, H, T, units].
      before, after: float[B, P, units], keys and values: the predecessor of each past event, and the event itself.
      kernel: float[H, f], coefficients of the features.
      features: float[f, B, T, P].
      counts: bool[B, T, P], whether a past event may be attended to.
    """
    heads, units = query.shape[1], query.shape[3]

    @tf.custom_gradient
    def means(query: tf.Tensor, before: tf.Tensor, after: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        users, steps, past = tf.shape(counts)[0], tf.shape(counts)[1], tf.shape(counts)[2]
        pairs, flat = [users, heads, steps, past], [users, heads * steps, -1]
        rows = tf.reshape(query, flat)
        logits = tf.reshape(tf.matmul(rows, before, transpose_b=True), pairs)
        logits += tf.transpose(weights_of(kernel, features), [1, 0, 2, 3])
        logits = tf.where(counts[:, tf.newaxis], logits, tf.constant(ABSENT, logits.dtype))
        some = tf.reduce_any(counts, axis=2)[:, tf.newaxis, :, tf.newaxis]
        weight = tf.reshape(tf.nn.softmax(logits) * tf.cast(some, logits.dtype), flat)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            upstream = tf.reshape(upstream, flat)
            moved = weight * tf.matmul(upstream, after, transpose_b=True)
            moved -= weight * tf.reduce_sum(moved, axis=2, keepdims=True)
            by_head = tf.reshape(tf.transpose(tf.reshape(moved, pairs), [1, 0, 2, 3]), [heads, -1])
            by_feature = tf.reshape(features, [tf.shape(features)[0], -1])
            return (
                tf.reshape(tf.matmul(moved, before), [users, heads, steps, units]),
                tf.matmul(moved, rows, transpose_a=True),
                tf.matmul(weight, upstream, transpose_a=True),
                tf.matmul(by_head, by_feature, transpose_b=True),
            )

        return tf.reshape(tf.matmul(weight, after), [users, heads, steps, units]), gradient

    return means(query, before, after, kernel)
