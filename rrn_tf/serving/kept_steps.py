"""Keeps what was computed for the latest time steps within a SavedModel, where many threads ask for it."""

from __future__ import annotations

import functools
from collections.abc import Callable

import tensorflow as tf

_PLACES = 4
_LARGEST = 1 << 28  # the most bytes of all places
_NEVER = -1


class KeptSteps(tf.Module):
    """Keeps results float32[rows, width] of a function of the time step, each until another step takes its place.

    Steps that are equal modulo the number of places share one place. A place is one variable that holds a result and,
    in its last rows, the step that the result is of. TensorFlow replaces a variable's value as a whole, so whatever
    other threads do, a result is read together with its own step, and it is used for no other step. So nobody waits:
    threads that ask for a new step at the same time compute it each. The results are those of the function, bit for
    bit.

    Args:
      rows, width: shape of a result.

    Example:
      >>> kept = KeptSteps(2, 3)
      >>> step, variant = tf.constant(7, tf.int64), tf.constant(False)
      >>> kept.at(step, variant, lambda: [tf.ones([1, 3]), tf.ones([1, 3])]).shape
      TensorShape([2, 3])
      >>> float(kept.at(step, variant, lambda: [tf.zeros([2, 3])])[0, 0])
      1.0
    """

    def __init__(self, rows: int, width: int) -> None:
        super().__init__(name="kept_steps")
        self._shape = (rows, width)
        self._label_rows = -(-4 // width)  # a label is four numbers
        nothing = self._label(tf.constant(_NEVER, tf.int64), tf.constant(False))
        # Results are not saved: they are there once the saved model has been asked.
        self._places = [
            tf.Variable(nothing, trainable=False, shape=[None, width], name=f"place_{number}")
            for number in range(min(_PLACES, _LARGEST // (max(rows, 1) * width * tf.float32.size)))
        ]

    def at(self, step: tf.Tensor, variant: tf.Tensor, compute: Callable[[], list[tf.Tensor]]) -> tf.Tensor:
        """Returns the result at a step: what is kept of it, or what is computed, which is kept then.

        Args:
          step: int64[], at least 0.
          variant: bool[], which of two ways to compute is meant; they may differ in their last bits.
          compute: computes the result of this step and variant, in parts float32[n, width] that add up to its rows.
        """
        if not self._places:
            return tf.concat(compute(), axis=0)
        place, label = tf.cast(step % len(self._places), tf.int32), self._label(step, variant)
        held = tf.switch_case(place, [variable.read_value for variable in self._places])
        known = tf.reduce_all(_bits(held[-self._label_rows :]) == _bits(label))

        def computed() -> tf.Tensor:
            result = tf.concat([*compute(), label], axis=0)
            tf.switch_case(place, [functools.partial(_assign, variable, result) for variable in self._places])
            return result

        return tf.ensure_shape(tf.cond(known, lambda: held, computed)[: -self._label_rows], self._shape)

    def _label(self, step: tf.Tensor, variant: tf.Tensor) -> tf.Tensor:
        """Writes a step and a variant as the bits of float32[label rows, width]."""
        bits = tf.bitcast(tf.stack([step, tf.cast(variant, tf.int64)]), tf.float32)
        width = self._shape[1]
        padded = tf.pad(tf.reshape(bits, [-1]), [[0, self._label_rows * width - 4]])
        return tf.reshape(padded, [self._label_rows, width])


def _bits(numbers: tf.Tensor) -> tf.Tensor:
    return tf.bitcast(numbers, tf.int32)


def _assign(variable: tf.Variable, value: tf.Tensor) -> tf.Tensor:
    variable.assign(value)
    return tf.constant(True)
