"""A distribution over what a user did before: which of it recurs now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers.mixture_gate import ABSENT

FEATURES = ("log age", "age", "log hours", "day", "week", "context", "hours")
# Parts that can be left out, and their features.
OF_PARTS = {
    "recency": ("log age", "age", "log hours", "hours"),
    "hour": ("day",),
    "week": ("week",),
    "context": ("context",),
}
# Of each head, by feature: how log-weights start. Heads beyond the last begin again with the first.
_STARTS = (
    (0.0, -0.8, 0.0, 3.0, 0.0, 0.0, 0.0),  # the last sixty, at this hour of the day
    (0.0, -1.2, 0.0, 0.0, 0.0, 0.0, 0.0),  # the last forty
    (-1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),  # all, by the power of their age
    (0.0, -0.2, 0.0, 3.0, 0.0, 5.0, 0.0),  # what came after the same item, at this hour
    (0.0, -10.0, 0.0, 0.0, 0.0, 0.0, 0.0),  # the last five
)
_AGE, _MONTH = 50.0, 720.0  # events and hours that are 1
_NOTHING = -100.0  # log-probability of what was never met
RATE = 5.0  # kernels move so many times as fast as other weights


@keras.saving.register_keras_serializable("rrn_tf")
class HistoryCopy(keras.layers.Layer):
    """Weighs a user's past events and gives each one's item its weight: one distribution a head.

    The log-weight of an event is linear in its age in events and hours, in their logarithms, in whether it was at the
    same time of day and week, and in whether it came after the item that is now the last one; the coefficients of each
    head are learned.

    Args:
      heads: how many distributions.
      window: events that are looked back upon.
      clock: whether time counts, or order alone.
      without: parts of the kernels that are left out (`OF_PARTS`).

    Call arguments:
      inputs: a pair of int[B, window + 1 + T], items in order of time, and int64[B, window + 1 + T], their times in
        unix seconds; 0 where there is no event. The last T are predicted, each from the `window` events before it.

    Returns:
      float[B, T, heads], reckoned in full precision: log-probabilities of their items; -1e9 where no event came before.

    Example:
      >>> copy = HistoryCopy(heads=2, window=3)
      >>> items = tf.constant([[0, 7, 9, 7, 7, 9]])
      >>> copy((items, tf.constant([[0, 10, 20, 30, 40, 50]], tf.int64))).shape.as_list()
      [1, 2, 2]

    Reference:
      Anderson, Kumar, Tomkins and Vassilvitskii, The Dynamics of Repeat Consumption, WWW 2014 (recency as weight).
    """

    def __init__(
        self, heads: int = 5, window: int = 384, clock: bool = True, without: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if heads < 1 or window < 1:
            raise ValueError(f"heads and window should be >= 1, received {heads} and {window}")
        self.heads = heads
        self.window = window
        self.clock = clock
        self.without = tuple(without)
        left_out = [name for part in without for name in OF_PARTS[part]]
        self._counted = [float(name not in left_out) for name in FEATURES]

    def build(self, input_shape: Any) -> None:
        starts = [[value / RATE for value in _STARTS[head % len(_STARTS)]] for head in range(self.heads)]
        self.kernel = self.add_weight(
            "kernel", (self.heads, len(FEATURES)), initializer=keras.initializers.Constant(starts)
        )
        super().build(input_shape)

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        item, _ = inputs
        weights = self.log_weights(inputs)
        target = item[:, self.window + 1 :]
        hit = (item[:, tf.newaxis, 1:-1] == target[:, :, tf.newaxis])[:, tf.newaxis]
        never = tf.constant(ABSENT, weights.dtype)
        all_of_it = tf.reduce_logsumexp(weights, axis=-1)
        found = tf.reduce_logsumexp(tf.where(hit, weights, never), axis=-1)
        some = all_of_it > never / 2
        met = some & (found > never / 2)
        nothing = tf.constant(_NOTHING, weights.dtype)
        log_p = tf.where(met, found - all_of_it, tf.where(some, nothing, never))
        return tf.cast(tf.transpose(log_p, [0, 2, 1]), self.compute_dtype)

    def log_weights(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """float[B, heads, T, window + T - 1], of all events but the first and the last; -1e9 of what does not count."""
        item, time = inputs
        steps, dtype = tf.shape(item)[1] - self.window - 1, tf.as_dtype(self.variable_dtype)
        age = self.window + tf.range(steps)[:, tf.newaxis] - tf.range(self.window + steps - 1)[tf.newaxis]
        counts = ((age >= 1) & (age <= self.window))[tf.newaxis] & (item[:, tf.newaxis, 1:-1] > 0)
        age = tf.cast(tf.maximum(age, 1), dtype)[tf.newaxis]
        past, now = time[:, tf.newaxis, 1:-1], time[:, self.window + 1 :, tf.newaxis]
        hours = tf.maximum(tf.cast(now - past, dtype) / 3600, 0)
        before, last = item[:, tf.newaxis, :-2], item[:, self.window : -1, tf.newaxis]
        features = [tf.math.log(age), age / _AGE]
        of_time = [
            tf.math.log1p(hours),
            tf.cos(2 * math.pi / 24 * hours) - 1,
            tf.cos(2 * math.pi / 168 * hours) - 1,
        ]
        same = tf.cast((before == last) & (last > 0), dtype)
        kernel = RATE * tf.constant(self._counted, dtype) * tf.cast(self.kernel, dtype)
        kernel = kernel[:, :, tf.newaxis, tf.newaxis, tf.newaxis]
        weights = kernel[:, 0] * features[0] + kernel[:, 1] * features[1] + kernel[:, 5] * same
        if self.clock:
            for place, values in zip((2, 3, 4, 6), (*of_time, hours / _MONTH)):
                weights += kernel[:, place] * values
        return tf.transpose(tf.where(counts[tf.newaxis], weights, tf.constant(ABSENT, dtype)), [1, 0, 2, 3])

    def get_config(self) -> dict[str, Any]:
        own = {"heads": self.heads, "window": self.window, "clock": self.clock, "without": self.without}
        return {**super().get_config(), **own}
