"""Optimizers with sparse updates, whose cost depends only on the number of updated rows."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers.rows import gathered


@keras.saving.register_keras_serializable("rrn_tf")
class LazyAdam(keras.optimizers.legacy.Adam):
    """Adam that, for sparse gradients, updates and decays only the rows with a gradient.

    Standard Adam decays both moments of every row at every update, which costs a pass over the whole table. For dense
    gradients this is standard Adam.

    Args:
      learning_rate: the learning rate.
      gradient_clip: every element of a gradient, summed over repeated rows and over replicas, is clipped to this
        absolute value; 0 means no clipping. Keras's own `clipvalue` does not work with several replicas.
      kwargs: arguments of `keras.optimizers.legacy.Adam`.

    Reference:
      Kingma and Ba, Adam: A Method for Stochastic Optimization, 2014.
    """

    def __init__(self, learning_rate: float = 0.001, gradient_clip: float = 0.0, **kwargs: Any) -> None:
        super().__init__(learning_rate, **kwargs)
        self.gradient_clip = gradient_clip

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gradient_clip": self.gradient_clip}

    def _resource_apply_dense(self, grad: tf.Tensor, var: Any, apply_state: Any = None) -> Any:
        return super()._resource_apply_dense(_clipped(grad, self.gradient_clip), var, apply_state)

    def _resource_apply_sparse(self, grad: tf.Tensor, var: Any, indices: tf.Tensor, apply_state: Any = None) -> Any:
        grad = _clipped(grad, self.gradient_clip)
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


@keras.saving.register_keras_serializable("rrn_tf")
class LazyRMSprop(keras.optimizers.legacy.Optimizer):
    """RMSprop without momentum that, for sparse gradients, updates and decays only the rows with a gradient.

    Epsilon is inside the root, ``v = rho v + (1 - rho) g^2; w = w - rate g / sqrt(v + epsilon)``, and ``v`` starts
    from 0. Standard RMSprop adds epsilon outside and decays every row at every update.

    Args:
      learning_rate: the learning rate.
      rho: decay of the mean square.
      epsilon: prevents a division by 0 in a row without gradient.
      gradient_clip: as in `LazyAdam`.

    Reference:
      Tieleman and Hinton, Lecture 6.5 of Neural Networks for Machine Learning, 2012.
    """

    _HAS_AGGREGATE_GRAD = True

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        epsilon: float = 1e-10,
        gradient_clip: float = 0.0,
        name: str = "LazyRMSprop",
        **kwargs: Any,
    ) -> None:
        super().__init__(name, **kwargs)
        self._set_hyper("learning_rate", learning_rate)
        self._set_hyper("rho", rho)
        self.epsilon = epsilon
        self.gradient_clip = gradient_clip

    def _create_slots(self, var_list: list[tf.Variable]) -> None:
        for variable in var_list:
            self.add_slot(variable, "mean_square")

    def _resource_apply_dense(self, grad: tf.Tensor, var: Any, apply_state: Any = None) -> Any:
        slot = self.get_slot(var, "mean_square")
        square, delta = self._move(slot, grad, var)
        return tf.group(slot.assign(square), var.assign_sub(delta))

    def _resource_apply_sparse(self, grad: tf.Tensor, var: Any, indices: tf.Tensor, apply_state: Any = None) -> Any:
        slot = self.get_slot(var, "mean_square")
        square, delta = self._move(gathered(slot, indices), grad, var)
        return tf.group(
            slot.scatter_update(tf.IndexedSlices(square, indices)), var.scatter_sub(tf.IndexedSlices(delta, indices))
        )

    def _move(self, before: tf.Tensor, gradient: tf.Tensor, variable: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the mean squares after an update, and the amounts to subtract from the weights."""
        rho = self._get_hyper("rho", variable.dtype.base_dtype)
        gradient = _clipped(gradient, self.gradient_clip)
        square = before + (1 - rho) * (tf.square(gradient) - before)
        rate = self._decayed_lr(variable.dtype.base_dtype)
        return square, rate * gradient * tf.math.rsqrt(square + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        rates = {name: self._serialize_hyperparameter(name) for name in ("learning_rate", "rho")}
        return {**super().get_config(), **rates, "epsilon": self.epsilon, "gradient_clip": self.gradient_clip}


def _clipped(gradient: tf.Tensor, largest: float) -> tf.Tensor:
    return tf.clip_by_value(gradient, -largest, largest) if largest else gradient
