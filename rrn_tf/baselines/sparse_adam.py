"""Adam with sparse updates, and gradients of the rows of weights that a batch gathers.

Not `rrn_tf.training.optimizers.LazyAdam`: baselines may not import training, and Keras rounds a dense step differently,
so that figures of baselines would change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import tensorflow as tf

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-7


class SparseAdam(tf.Module):
    """Adam that changes neither weights nor moments in rows without a gradient.

    Args:
      weights: the variables to train.

    Reference:
      Kingma and Ba, Adam: A Method for Stochastic Optimization, 2014.
    """

    def __init__(self, weights: Iterable[tf.Variable]) -> None:
        super().__init__()
        self._slots = [(w, tf.Variable(tf.zeros_like(w)), tf.Variable(tf.zeros_like(w))) for w in weights]
        self._t = tf.Variable(0.0)

    def apply(self, gradients: Sequence[tf.IndexedSlices | tf.Tensor], rate: tf.Tensor) -> None:
        """Takes one step; should be called in a `tf.function`.

        Args:
          gradients: one for each variable; an `IndexedSlices` should have each row at most once.
          rate: float32[], the learning rate.
        """
        t = self._t.assign_add(1.0)
        rate = rate * tf.sqrt(1 - _BETA_2**t) / (1 - _BETA_1**t)
        for (weight, first, second), gradient in zip(self._slots, gradients, strict=True):
            if not isinstance(gradient, tf.IndexedSlices):
                m = first.assign(_BETA_1 * first + (1 - _BETA_1) * gradient)
                v = second.assign(_BETA_2 * second + (1 - _BETA_2) * tf.square(gradient))
                weight.assign_sub(rate * m / (tf.sqrt(v) + _EPSILON))
                continue
            rows = gradient.indices
            m = _BETA_1 * tf.gather(first, rows) + (1 - _BETA_1) * gradient.values
            v = _BETA_2 * tf.gather(second, rows) + (1 - _BETA_2) * tf.square(gradient.values)
            first.scatter_update(tf.IndexedSlices(m, rows))
            second.scatter_update(tf.IndexedSlices(v, rows))
            weight.scatter_sub(tf.IndexedSlices(rate * m / (tf.sqrt(v) + _EPSILON), rows))


def gathered_gradients(gradients: Sequence[tf.Tensor], places: Sequence[tf.Tensor]) -> list[tf.IndexedSlices]:
    """Gradients by rows that were gathered from weights as gradients by the weights.

    Args:
      gradients: one for each weight, as `tf.GradientTape` gives them.
      places: int64, which rows were gathered from each weight, none of them twice.
    """
    return [
        tf.IndexedSlices(tf.convert_to_tensor(gradient), place)
        for gradient, place in zip(gradients, places, strict=True)
    ]
