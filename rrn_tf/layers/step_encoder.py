"""Eq. 5: the embedding of a step's ratings."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers.rows import ordered_sums
from rrn_tf.layers.step_context import StepContext


@keras.saving.register_keras_serializable("rrn_tf")
class StepEncoder(StepContext):
    """Embeds a step's ratings and wallclocks: ``y_t = W_embed [x_t, 1_newbie, tau_t, tau_{t-1}]``.

    The rating vector ``x_t`` is sparse and given by coordinates, so the cost grows with the number of
    ratings, not of items. There is no bias (Eq. 5 has none).

    Args:
      num_opposite: number of entities on the other side; indices run from 1, and 0 is the unknown entity.
      units: width d of the embedding.
      time_feature, time_scale: see `StepContext`.

    Call arguments as one tuple:
      opposite: int[N], index of the entity on the other side of each rating; the unknown entity 0
        starts with the zero embedding.
      rating: float[N], the rating (Section 3.1 uses the rating's value itself).
      slot: int[N], step ``b * T + t`` to which each rating is an input; ratings with negative slots are ignored.
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
        super().__init__(units, **kwargs)
        if num_opposite < 0:
            raise ValueError(f"num_opposite should be >= 0, received {num_opposite}")
        self.num_opposite = num_opposite

    def build(self, input_shape: Any) -> None:
        self.embedding = self.add_weight("embedding", (self.num_opposite + 1, self.units), initializer=_unknown_is_zero)
        super().build(input_shape)

    def call(self, inputs: tuple[tf.Tensor, ...]) -> tf.Tensor:
        opposite, rating, slot, context = inputs
        shape = tf.shape(context)
        return self.add_context(self.embed_ratings(opposite, rating, slot, shape[0] * shape[1]), context)

    @property
    def sum_units(self) -> int:
        """Width of the output of `embed_ratings`."""
        return self.units

    def embed_sums(self, sums: tf.Tensor) -> tf.Tensor:
        """Returns a step's sums float[N, d] as they are, since the sums of its ratings are embedded already."""
        return tf.cast(sums, self.compute_dtype)

    def embed_ratings(
        self,
        opposite: tf.Tensor,
        rating: tf.Tensor,
        slot: tf.Tensor,
        num_slots: tf.Tensor,
        before: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Computes the part of Eq. 5 that depends on ``x_t``: float[num_slots, d], sums of embeddings times ratings.

        With `before`, float32[num_slots, d], ratings are added to these sums, in order (see `ordered_sums`).
        """
        if before is not None:
            values = tf.gather(self.embedding, opposite) * tf.cast(rating, self.variable_dtype)[:, tf.newaxis]
            return ordered_sums(values, slot, before)
        distinct, position = tf.unique(opposite)
        return self.embed_rows(tf.gather(self.embedding, distinct), position, rating, slot, num_slots)

    def embed_rows(
        self, rows: tf.Tensor, position: tf.Tensor, rating: tf.Tensor, slot: tf.Tensor, num_slots: tf.Tensor
    ) -> tf.Tensor:
        """Computes the same as `embed_ratings` with the embeddings already gathered.

        Args:
          rows: float[U, d], embeddings of the distinct entities.
          position: int[N], row of `rows` that each rating multiplies.
          rating: float[N].
          slot: int[N]; ratings with negative slots are ignored.
          num_slots: int[].
        """
        # One product of a sparse and a dense matrix takes a fifth of the time of gather, scale and segment sum, whose
        # intermediate results are as long as the ratings. Negative slots go to an extra last row, which is cut off;
        # their ratings are set to 0, since the gradient multiplies them with that row's zeros, and zero times NaN is
        # NaN. The dtype is the variables': bfloat16 cannot count beyond 256, and has no such kernel on GPUs.
        last, dtype = tf.cast(num_slots, tf.int64), self.variable_dtype
        slot, position = tf.cast(slot, tf.int64), tf.cast(position, tf.int64)
        nowhere = slot < 0
        rating = tf.where(nowhere, tf.zeros([], dtype), tf.cast(rating, dtype))
        where = tf.stack([tf.where(nowhere, last, slot), position], axis=1)
        shape = tf.stack([last + 1, tf.shape(rows, tf.int64)[0]])
        x = tf.SparseTensor(where, rating, shape)
        return tf.cast(tf.sparse.sparse_dense_matmul(x, tf.cast(rows, dtype))[:-1], self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_opposite": self.num_opposite}


def _unknown_is_zero(shape: tf.TensorShape, dtype: tf.DType | None = None, **kwargs: Any) -> tf.Tensor:
    """Draws small random rows; row 0 is zero and stays so, since no training rating uses it."""
    values = keras.initializers.RandomNormal(stddev=0.01)(shape, dtype, **kwargs)
    return tf.concat([tf.zeros_like(values[:1]), values[1:]], axis=0)
