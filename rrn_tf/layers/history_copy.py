"""Distributions over the items of a user's past events, by which the next event repeats one of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers.mixture_gate import ABSENT

FEATURES = ("log age", "age", "log hours", "day", "week", "context", "hours")
# Parts that can be left out, and the features that belong to each.
OF_PARTS = {
    "recency": ("log age", "age", "log hours", "hours"),
    "hour": ("day",),
    "week": ("week",),
    "context": ("context",),
}
# Initial coefficients of the log-weights, for each head by feature. Further heads start over with the first.
_STARTS = (
    (0.0, -0.8, 0.0, 3.0, 0.0, 0.0, 0.0),  # about the last sixty events, at this hour of the day
    (0.0, -1.2, 0.0, 0.0, 0.0, 0.0, 0.0),  # about the last forty
    (-1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),  # all events, by a power law of their age
    (0.0, -0.2, 0.0, 3.0, 0.0, 5.0, 0.0),  # events that followed the same item, at this hour
    (0.0, -10.0, 0.0, 0.0, 0.0, 0.0, 0.0),  # about the last five
)
# Indices of features in the order in which `HistoryCopy.past` computes them.
_OF_ORDER = tuple(FEATURES.index(name) for name in ("log age", "age", "context"))
_OF_CLOCK = (*_OF_ORDER, *(FEATURES.index(name) for name in ("log hours", "day", "week", "hours")))
_AGE, _MONTH = 50.0, 720.0  # units of age, in events and in hours
_NOTHING = -100.0  # log-probability of an item that the user has never met
RATE = 5.0  # kernels learn this many times as fast as other weights


@keras.saving.register_keras_serializable("rrn_tf")
class HistoryCopy(keras.layers.Layer):
    """Gives each past event of a user a weight, and its item the same probability: one distribution per head.

    The log-weight of an event is linear in its age in events and in hours, in their logarithms, in whether it happened
    at the same time of day and of the week, and in whether it followed the same item as the one that is now the latest;
    the coefficients of each head are learned.

    Args:
      heads: number of distributions.
      window: number of past events that have a weight.
      clock: whether log-weights depend on the time of events, or on their order alone.
      without: parts of the log-weights that are left out (`OF_PARTS`).

    Call arguments:
      inputs: a pair of int[B, window + 1 + T], items in order of time, and int64[B, window + 1 + T], their times in
        unix seconds; both 0 where there is no event. The last T are predicted, each from the `window` events before it.

    Returns:
      float[B, T, heads], log-probabilities of the last T items, in full precision; -1e9 without earlier events.

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
        item, time = inputs
        empty = empty_columns(item, self.window)
        item, before = item[:, empty:], self.window - empty
        features, counts = self.past(item, time[:, empty:], before)
        hit = counts & (item[:, tf.newaxis, 1:-1] == item[:, before + 1 :, tf.newaxis])
        log_p = _log_fraction(self.coefficients(), features, counts, hit)
        return tf.cast(tf.transpose(log_p, [1, 2, 0]), self.compute_dtype)

    def log_weights(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Gives float[B, heads, T, window + T - 1], of all events but first and last; -1e9 for those without weight."""
        features, counts = self.past(*inputs, self.window)
        weights = tf.where(counts, weights_of(self.coefficients(), features), tf.constant(ABSENT, features.dtype))
        return tf.transpose(weights, [1, 0, 2, 3])

    def coefficients(self) -> tf.Tensor:
        """Returns float[heads, f], the coefficients of the features of `past`."""
        kernel = tf.constant(self._counted, self.variable_dtype) * tf.cast(self.kernel, self.variable_dtype)
        return RATE * tf.gather(kernel, _OF_CLOCK if self.clock else _OF_ORDER, axis=1)

    def past(self, item: tf.Tensor, time: tf.Tensor, before: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes the features of past events for each of the last T of int[B, before + 1 + T] items and their times.

        Returns:
          float[f, B, T, before + T - 1], features of all events but the first and the last, and bool[B, T, ...],
          whether each is a past event within the window.
        """
        steps, dtype = tf.shape(item)[1] - before - 1, tf.as_dtype(self.variable_dtype)
        age = before + tf.range(steps)[:, tf.newaxis] - tf.range(before + steps - 1)[tf.newaxis]
        counts = ((age >= 1) & (age <= self.window))[tf.newaxis] & (item[:, tf.newaxis, 1:-1] > 0)
        age = tf.cast(tf.maximum(age, 1), dtype)[tf.newaxis]
        previous, last = item[:, tf.newaxis, :-2], item[:, before:-1, tf.newaxis]
        found = [tf.math.log(age), age / _AGE, tf.cast((previous == last) & (last > 0), dtype)]
        if self.clock:
            past, now = time[:, 1:-1], time[:, before + 1 :]
            hours = tf.cast(tf.maximum(now[:, :, tf.newaxis] - past[:, tf.newaxis], 0), dtype) / 3600
            waves = [_waves(now, past, hours_around, dtype) - 1 for hours_around in (24, 168)]
            found += [tf.math.log1p(hours), *waves, hours / _MONTH]
        return tf.stack([tf.broadcast_to(values, tf.shape(counts)) for values in found]), counts

    def get_config(self) -> dict[str, Any]:
        own = {"heads": self.heads, "window": self.window, "clock": self.clock, "without": self.without}
        return {**super().get_config(), **own}


def empty_columns(item: tf.Tensor, window: int) -> tf.Tensor:
    """Returns int32[], the number of leading columns that can be cut off because no user has an event in them.

    The last empty column is kept, as the missing predecessor of the first event, and at least one of the window.

    Args:
      item: int[B, window + 1 + T].
      window: number of past events that have a weight.
    """
    met = tf.cumsum(tf.cast(tf.reduce_any(item > 0, axis=0), tf.int32))
    return tf.clip_by_value(tf.math.count_nonzero(met == 0, dtype=tf.int32) - 1, 0, window - 1)


def _waves(now: tf.Tensor, past: tf.Tensor, hours: int, dtype: tf.DType) -> tf.Tensor:
    """Returns float[B, T, P], the cosine of the angle between times int64[B, T] and int64[B, P] on a clock of `hours`.

    Each is computed from the sines and cosines of the two times, with far fewer evaluations than one per pair.
    """

    def wave(time: tf.Tensor) -> tf.Tensor:
        around = 2 * math.pi * tf.cast(time % (3600 * hours), dtype) / (3600 * hours)
        return tf.stack([tf.cos(around), tf.sin(around)], axis=-1)

    return tf.matmul(wave(now), wave(past), transpose_b=True)


def weights_of(kernel: tf.Tensor, features: tf.Tensor) -> tf.Tensor:
    """Returns the log-weights float[heads, ...] by a kernel float[heads, f] of features float[f, ...]."""
    flat = tf.matmul(kernel, tf.reshape(features, [tf.shape(features)[0], -1]))
    return tf.reshape(flat, tf.concat([tf.shape(kernel)[:1], tf.shape(features)[1:]], axis=0))


def _log_fraction(kernel: tf.Tensor, features: tf.Tensor, counts: tf.Tensor, hit: tf.Tensor) -> tf.Tensor:
    """Returns float[heads, B, T], logarithms of the fraction of the total weight that falls on hits.

    The gradient with respect to the kernel is the difference of the means of the features by the weights of hits and by
    all weights: one matrix product. Automatic differentiation would need a pass for each feature and head.
    """

    @tf.custom_gradient
    def log_fraction(kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        weights = weights_of(kernel, features)
        never = tf.constant(ABSENT, weights.dtype)
        weights = tf.where(counts, weights, never)
        top = tf.reduce_max(weights, axis=-1, keepdims=True)
        mass = tf.exp(weights - top)
        of_hits = mass * tf.cast(hit, mass.dtype)
        total, met = (tf.reduce_sum(x, axis=-1, keepdims=True) for x in (mass, of_hits))
        some, any_met = top > never / 2, met > 0

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            rate = tf.where(any_met, upstream[..., tf.newaxis], tf.zeros([], upstream.dtype))
            moved = of_hits * tf.math.divide_no_nan(rate, met) - mass * (rate / total)
            by_head, by_feature = (tf.reshape(x, [tf.shape(x)[0], -1]) for x in (moved, features))
            return tf.matmul(by_head, by_feature, transpose_b=True)

        nothing = tf.constant(_NOTHING, weights.dtype)
        log_p = tf.where(any_met, tf.math.log(met / total), tf.where(some, nothing, never))
        return log_p[..., 0], gradient

    return log_fraction(kernel)
