"""The innovations of a step's ratings, embedded: an alternative to the rating vector of Eq. 5."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers.ensemble import part, per_network, stacked
from rrn_tf.layers.rows import ordered_sums
from rrn_tf.layers.step_context import StepContext


@keras.saving.register_keras_serializable("rrn_tf")
class InnovationEncoder(StepContext):
    """Embeds a step's innovations: ``y_t = W [sum e v / sqrt(n), sum e / sqrt(n), mean e, log(1 + n)] + context``.

    An innovation ``e`` is a rating less the prediction from the opposite side's state and the stationary factors, and
    ``v`` is that projected state: the direction in which an error changes the own state. As in a Kalman filter, the
    state learns from prediction errors alone; no entity has an embedding of its own.

    Args:
      vector_units: width of the opposite side's projected states.
      units: width d of the embedding.
      include_opposite_state: whether ``sum v / sqrt(n)`` is embedded too: which entities were rated, not how.
      ensemble: number of independent networks that vectors and embeddings are split among, each with its innovations.
      time_feature, time_scale: see `StepContext`.

    Call arguments as one tuple:
      innovation: float[N], or float[N, ensemble].
      vector: float[N, vector_units], the opposite side's projected state at each rating.
      slot: int[N], step ``b * T + t`` to which each rating is an input; ratings with negative slots are ignored.
      context: float[B, T, 3], newbie flag, scaled wallclock and scaled previous wallclock.

    Returns:
      float[B, T, d], the step embeddings.

    Example:
      >>> encoder = InnovationEncoder(vector_units=2, units=4)
      >>> encoder((tf.ones([3]), tf.ones([3, 2]), [0, 1, -1], tf.zeros([1, 2, 3]))).shape.as_list()
      [1, 2, 4]

    Reference:
      Innovations: Kalman, A New Approach to Linear Filtering and Prediction Problems, 1960. The place they enter:
      Wu et al., Recurrent Recommender Networks, WSDM 2017, Eq. 5.
    """

    def __init__(
        self, vector_units: int, units: int, include_opposite_state: bool = False, ensemble: int = 1, **kwargs: Any
    ) -> None:
        super().__init__(units, **kwargs)
        if vector_units < 1:
            raise ValueError(f"vector_units should be >= 1, received {vector_units}")
        self.vector_units = vector_units
        self.include_opposite_state = include_opposite_state
        self.ensemble = ensemble

    def build(self, input_shape: Any) -> None:
        vectors = (2 if self.include_opposite_state else 1) * part(self.vector_units, self.ensemble)
        shape = (self.ensemble, vectors + 3, part(self.units, self.ensemble))
        self.kernel = self.add_weight("kernel", shape, initializer=stacked("glorot_uniform"))
        super().build(input_shape)

    def call(self, inputs: tuple[tf.Tensor, ...]) -> tf.Tensor:
        innovation, vector, slot, context = inputs
        shape = tf.shape(context)
        return self.add_context(self.embed_innovations(innovation, vector, slot, shape[0] * shape[1]), context)

    @property
    def sum_units(self) -> int:
        """Width of the output of `sum_innovations`."""
        return (2 if self.include_opposite_state else 1) * self.vector_units + 2 * self.ensemble

    def embed_innovations(
        self, innovation: tf.Tensor, vector: tf.Tensor, slot: tf.Tensor, num_slots: tf.Tensor
    ) -> tf.Tensor:
        """Computes the part of the embedding that depends on ratings: float[num_slots, d]."""
        # What is ignored is set to 0, so that no gradient reaches it: zero times NaN would be NaN.
        somewhere = (tf.convert_to_tensor(slot) >= 0)[:, tf.newaxis]
        innovation = tf.reshape(innovation, [-1, self.ensemble])
        innovation, vector = (tf.where(somewhere, x, tf.zeros([], x.dtype)) for x in (innovation, vector))
        return self.embed_sums(self.sum_innovations(innovation, vector, slot, num_slots))

    def sum_innovations(
        self,
        innovation: tf.Tensor,
        vector: tf.Tensor,
        slot: tf.Tensor,
        num_slots: tf.Tensor,
        before: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Sums the inputs of each step, so that later ratings of a step can be added: float[num_slots, sum_units].

        For each network: the sum of ``v`` if it is embedded, of ``e v`` and of ``e``, and the number of ratings. Slots
        are not negative. With `before`, float32[num_slots, sum_units], ratings are added to these sums, in order (see
        `ordered_sums`).
        """
        # Sums have the variables' dtype: bfloat16 cannot count beyond 256.
        dtype = self.variable_dtype
        innovation = tf.reshape(tf.cast(innovation, dtype), [-1, self.ensemble, 1])
        vector = tf.reshape(tf.cast(vector, dtype), [-1, self.ensemble, part(self.vector_units, self.ensemble)])
        vector *= self.ensemble**0.5
        parts = [innovation * vector, innovation, tf.ones_like(innovation)]
        if self.include_opposite_state:
            parts.insert(0, vector)
        parts = tf.concat(parts, axis=-1)
        if before is not None:
            return ordered_sums(tf.reshape(parts, [-1, self.sum_units]), slot, before)
        return tf.reshape(tf.math.unsorted_segment_sum(parts, slot, num_slots), [-1, self.sum_units])

    def embed_sums(self, sums: tf.Tensor) -> tf.Tensor:
        """Embeds the sums of `sum_innovations`: float[N, sum_units] to float[N, d]."""
        sums = tf.reshape(sums, [-1, self.ensemble, self.sum_units // self.ensemble])
        count = sums[..., -1:]
        some = tf.maximum(count, 1)
        mean = sums[..., -2:-1] / some
        features = tf.concat([sums[..., :-1] * tf.math.rsqrt(some), mean, tf.math.log1p(count)], axis=-1)
        features = tf.reshape(features, [-1, self.ensemble * features.shape[-1]])
        return per_network(tf.cast(features, self.compute_dtype), self.kernel)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vector_units": self.vector_units,
            "include_opposite_state": self.include_opposite_state,
            "ensemble": self.ensemble,
        }
