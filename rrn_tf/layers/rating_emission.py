"""Eq. 7: a rating predicted from two states and two stationary vectors."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers.ensemble import EnsembleDense


@keras.saving.register_keras_serializable("rrn_tf")
class RatingEmission(keras.layers.Layer):
    """Predicts ratings: ``r = <W_user u_t + b_user, W_item m_t + b_item> + <u, m>``.

    Args:
      units: width of the projected states.
      ensemble: number of independent networks that states and projected states are split among; their ratings are
        averaged.

    Call arguments as one tuple:
      user_state, item_state: float[N, state width], the states ``u_it`` and ``m_jt``.
      user_factors, item_factors: float[N, k], the stationary vectors ``u_i`` and ``m_j``.

    Returns:
      float[N], the predicted ratings.

    Raises:
      ValueError: if the two states, or the two factor vectors, differ in shape.

    Example:
      >>> emission = RatingEmission(units=2)
      >>> emission((tf.ones([3, 4]), tf.ones([3, 4]), tf.ones([3, 5]), tf.ones([3, 5]))).shape.as_list()
      [3]

    Reference:
      Wu et al., Recurrent Recommender Networks, WSDM 2017, Eq. 7.
    """

    def __init__(self, units: int, ensemble: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.ensemble = ensemble
        self.user_projection, self.item_projection = (
            keras.layers.Dense(units, dtype=self.dtype_policy, name=name)
            if ensemble == 1
            else EnsembleDense(units, ensemble, dtype=self.dtype_policy, name=name)
            for name in ("user_projection", "item_projection")
        )

    def build(self, input_shape: Any) -> None:
        user_state, item_state, *_ = input_shape
        for projection, state in ((self.user_projection, user_state), (self.item_projection, item_state)):
            with tf.name_scope(projection.name):
                projection.build(state)
        super().build(input_shape)

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        user_state, item_state, user_factors, item_factors = inputs
        return self.combine(
            self.user_projection(user_state), self.item_projection(item_state), user_factors, item_factors
        )

    @staticmethod
    def combine(
        user_vector: tf.Tensor, item_vector: tf.Tensor, user_factors: tf.Tensor, item_factors: tf.Tensor
    ) -> tf.Tensor:
        """Computes ratings float[N] from projected states float[N, units] and factors float[N, k]."""
        for left, right in ((user_vector, item_vector), (user_factors, item_factors)):
            if not left.shape.is_compatible_with(right.shape):
                raise ValueError(f"both sides should have one shape, received {left.shape} and {right.shape}")
        return tf.reduce_sum(user_vector * item_vector, -1) + tf.reduce_sum(user_factors * item_factors, -1)

    def of_each_network(self, left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
        """Predicts by each network without factors, from projected states float[N, units]: float[N, ensemble]."""
        per_network = tf.reshape(left * right, [-1, self.ensemble, self.units // self.ensemble])
        return self.ensemble * tf.reduce_sum(per_network, -1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "ensemble": self.ensemble}
