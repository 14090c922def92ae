"""Eq. 5: what happened in a step, embedded."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

CONTEXT = 3  # newbie, wallclock, previous wallclock


@keras.saving.register_keras_serializable("rrn_tf")
class StepEncoder(keras.layers.Layer):
    """Embeds a step's ratings and wallclocks: ``y_t = W_embed [x_t, 1_newbie, tau_t, tau_{t-1}]``.

    The rating vector ``x_t`` is sparse and given by coordinates, so the cost is that of the ratings,
    not of the catalogue. There is no bias (Eq. 5 has none).

    Args:
      num_opposite: entities on the other side; indices run from 1, 0 is the unknown entity.
      units: width d of the embedding.

    Call arguments, as one tuple:
      opposite: int[N], index of the entity on the other side of each rating; the unknown entity 0
        starts with the zero embedding.
      rating: float[N], the rating (Section 3.1 feeds the score itself).
      slot: int[N], position ``b * T + t`` that each rating enters; negative ratings enter nowhere.
      context: float[B, T, 3], newbie flag, scaled wallclock and scaled previous wallclock.

    Returns:
      float[B, T, d], the step embeddings.

    Example:
      >>> encoder = StepEncoder(num_opposite=4, units=2)
      >>> y = encoder(([1, 3], [5.0, 2.0], [0, 1], tf.zeros([1, 2, 3])))
      >>> y.shape.as_list()
      [1, 2, 2]

    Reference:
      Wu et al., Recurrent Recommender Networks, WSDM 2017, Eq. 5.
    """

    def __init__(self, num_opposite: int, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_opposite < 0 or units < 1:
            raise ValueError(f"num_opposite should be >= 0 and units >= 1, received {num_opposite} and {units}")
        self.num_opposite = num_opposite
        self.units = units

    def build(self, input_shape: Any) -> None:
        self.embedding = self.add_weight("embedding", (self.num_opposite + 1, self.units), initializer=_unknown_is_zero)
        self.context_kernel = self.add_weight("context_kernel", (CONTEXT, self.units), initializer="glorot_uniform")
        super().build(input_shape)

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        opposite, rating, slot, context = inputs
        context = tf.cast(context, self.compute_dtype)
        batch, steps = tf.shape(context)[0], tf.shape(context)[1]
        y = self.embed_ratings(opposite, rating, slot, batch * steps)
        y = tf.reshape(y, [batch, steps, self.units])
        return y + tf.tensordot(context, tf.cast(self.context_kernel, self.compute_dtype), 1)

    def embed_ratings(self, opposite: tf.Tensor, rating: tf.Tensor, slot: tf.Tensor, num_slots: tf.Tensor) -> tf.Tensor:
        """The part of Eq. 5 that depends on ``x_t``: float[num_slots, d] sums of scaled embeddings."""
        rows = tf.cast(tf.gather(self.embedding, opposite), self.compute_dtype)
        rows *= tf.cast(rating, self.compute_dtype)[:, tf.newaxis]
        return tf.math.unsorted_segment_sum(rows, slot, num_slots)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_opposite": self.num_opposite, "units": self.units}


def _unknown_is_zero(shape: tf.TensorShape, dtype: tf.DType | None = None, **kwargs: Any) -> tf.Tensor:
    """Small random rows; row 0 is zero and, as no training rating uses it, stays so."""
    values = keras.initializers.RandomNormal(stddev=0.01)(shape, dtype, **kwargs)
    return tf.concat([tf.zeros_like(values[:1]), values[1:]], axis=0)
