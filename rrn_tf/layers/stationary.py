"""The stationary factors of Eq. 7: one latent vector per entity."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.saving.register_keras_serializable("rrn_tf")
class StationaryFactors(keras.layers.Layer):
    """Stationary latent factors ``u_i`` (or ``m_j``), which do not change with time as the hidden state does.

    Args:
      num_entities: number of entities with factors; indices run from 1. Index 0, the unknown entity, has
        the zero vector, which receives no gradient.
      factors: number k of factors.

    Call arguments:
      index: int[...], entity indices.

    Returns:
      float[..., k].

    Example:
      >>> StationaryFactors(num_entities=5, factors=3)(tf.constant([1, 0])).shape.as_list()
      [2, 3]

    Reference:
      Wu et al., Recurrent Recommender Networks, WSDM 2017, Section 3.2; Salakhutdinov and Mnih,
      Probabilistic Matrix Factorization, NIPS 2007.
    """

    def __init__(self, num_entities: int, factors: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_entities < 0 or factors < 0:
            raise ValueError(f"num_entities and factors should be >= 0, received {num_entities} and {factors}")
        self.num_entities = num_entities
        self.factors = factors

    def build(self, input_shape: Any) -> None:
        self.table = self.add_weight(
            "table", (self.num_entities + 1, self.factors), initializer=keras.initializers.RandomNormal(stddev=0.01)
        )
        super().build(input_shape)

    def call(self, index: tf.Tensor) -> tf.Tensor:
        rows = tf.cast(tf.gather(self.table, index), self.compute_dtype)
        return tf.where((index > 0)[..., tf.newaxis], rows, tf.zeros_like(rows))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_entities": self.num_entities, "factors": self.factors}
