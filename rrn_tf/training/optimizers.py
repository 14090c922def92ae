"""Optimizers whose sparse updates cost what they touch."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.saving.register_keras_serializable("rrn_tf")
class LazyAdam(keras.optimizers.legacy.Adam):
    """Adam that, for sparse gradients, updates and decays only the touched rows.

    Stock Adam decays both moments of every row at every step, which costs the whole table. For dense
    gradients this is stock Adam.

    Args:
      learning_rate: the step size.
      gradient_clip: every number of a gradient, summed over repeated rows and over replicas, is clipped to this
        absolute value; 0 clips nothing. Stock `clipvalue` is refused where there are replicas.
      kwargs: of `keras.optimizers.legacy.Adam`.

    Reference:
      Kingma and Ba, Adam: A Method for Stochastic Optimization, 2014.
    """

    def __init__(self, learning_rate: float = 0.001, gradient_clip: float = 0.0, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self.gradient_clip = gradient_clip

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gradient_clip": self.gradient_clip}

    def _clipped(self, grad: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(grad, -self.gradient_clip, self.gradient_clip) if self.gradient_clip else grad

    def _resource_apply_dense(self, grad: tf.Tensor, var: Any, apply_state: Any = None) -> Any:
        return super()._resource_apply_dense(self._clipped(grad), var, apply_state)

    def _resource_apply_sparse(self, grad: tf.Tensor, var: Any, indices: tf.Tensor, apply_state: Any = None) -> Any:
        grad = self._clipped(grad)
        device, dtype = var.device, var.dtype.base_dtype
        coefficients = (apply_state or {}).get((device, dtype)) or self._fallback_apply_state(device, dtype)
        first, second = self.get_slot(var, "m"), self.get_slot(var, "v")
        m = coefficients["beta_1_t"] * tf.gather(first, indices) + coefficients["one_minus_beta_1_t"] * grad
        v = coefficients["beta_2_t"] * tf.gather(second, indices) + coefficients["one_minus_beta_2_t"] * grad * grad
        delta = coefficients["lr"] * m / (tf.sqrt(v) + coefficients["epsilon"])
        return tf.group(
            first.scatter_update(tf.IndexedSlices(m, indices)),
            second.scatter_update(tf.IndexedSlices(v, indices)),
            var.scatter_sub(tf.IndexedSlices(delta, indices)),
        )
