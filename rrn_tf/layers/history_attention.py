"""What a user's own past says of the next event: what came after events like the last one."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers.history_copy import HistoryCopy
from rrn_tf.layers.mixture_gate import ABSENT

WIDTH = 32  # of the products that tell how alike two items are
_SCALE = 5.0  # item vectors start small; similarities and what is attended to should not


@keras.saving.register_keras_serializable("rrn_tf")
class HistoryAttention(keras.layers.Layer):
    """Attends to a user's past events by how alike what came before each is to the last event.

    With v the vectors of items, the weight of the past event j at the next event t is, in each head, a softmax over j
    of ``r[t, j] + (v[t - 1] Q) . (v[j - 1] K) / sqrt(width)``, where r are log-weights by age and time as those of
    `HistoryCopy`, and what comes out is the sum over heads of ``(sum_j weight[t, j] v[j]) W``. So transitions of a
    user's own between kinds of items are read from the user's past, with weights that all users share: nothing has to
    be learned for each user, and new events count at once.

    Args:
      units: width of item vectors and of what comes out.
      heads: how many weightings.
      window: events that are looked back upon.
      width: of the products that tell how alike two items are.
      clock: whether time counts, or order alone.

    Call arguments:
      inputs: int[B, window + 1 + T], items, and int64[B, window + 1 + T], times, as those of `HistoryCopy`, and
        float[B, window + 1 + T, units], vectors of the items. What stands at absent events matters nowhere, NaN
        included, and neither do the items, times and vectors of the future of what is predicted.

    Returns:
      float[B, T, units]; zeros where no event came before.

    Example:
      >>> attend = HistoryAttention(units=2, heads=1, window=3)
      >>> items = tf.constant([[0, 7, 9, 7, 7, 9]])
      >>> attend((items, tf.constant([[0, 10, 20, 30, 40, 50]], tf.int64), tf.ones([1, 6, 2]))).shape.as_list()
      [1, 2, 2]

    Reference:
      Kang and McAuley, Self-Attentive Sequential Recommendation, ICDM 2018 (attention over a user's past); Olsson et
      al., In-context Learning and Induction Heads, 2022 (attention to what came after what is alike).
    """

    def __init__(
        self, units: int, heads: int = 2, window: int = 384, width: int = WIDTH, clock: bool = True, **kwargs: Any
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
        self.recency = HistoryCopy(heads, window, clock, name="recency", dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        with tf.name_scope("recency"):
            self.recency.build(None)

        def normal(name: str, width: int, spread: float) -> tf.Variable:
            # An initializer of its own: one that is used twice gives the same numbers twice.
            start = keras.initializers.RandomNormal(stddev=spread)
            return self.add_weight(name, (self.heads, self.units, width), initializer=start)

        self.queries, self.keys = (normal(name, self.width, self.units**-0.5) for name in ("queries", "keys"))
        self.outputs = normal("outputs", self.units, (self.heads * self.units) ** -0.5)
        super().build(input_shape)

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        item, time, vectors = inputs
        dtype = tf.as_dtype(self.variable_dtype)
        queries, keys, outputs = (tf.cast(x, dtype) for x in (self.queries, self.keys, self.outputs))
        there = (item > 0)[:, :, tf.newaxis]
        # Zero times NaN is NaN, so what is absent is cleared, not only weighed by nothing.
        vectors = _SCALE * tf.where(there, tf.cast(vectors, dtype), tf.zeros([], dtype))
        before, after = vectors[:, :-2], vectors[:, 1:-1]
        query = tf.einsum("btu,huw->bhtw", vectors[:, self.window : -1], queries)
        # For few queries their way to the past is shorter than that of the whole past to them.
        alike = tf.einsum("bhtw,huw->bhtu", query, keys)
        alike = tf.einsum("bhtu,bju->bhtj", alike, before) * self.width**-0.5
        recency = self.recency.log_weights((item, time))
        counts = recency > ABSENT / 2
        weight = tf.nn.softmax(tf.where(counts, recency + alike, tf.constant(ABSENT, dtype)))
        met = tf.einsum("bhtj,bju->bhtu", tf.where(counts, weight, tf.zeros([], dtype)), after)
        return tf.cast(tf.einsum("bhtu,huv->btv", met, outputs), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "heads": self.heads, "window": self.window, "width": self.width}
        return {**super().get_config(), **own, "clock": self.clock}
