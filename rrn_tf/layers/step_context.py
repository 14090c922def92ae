"""The time features of Eq. 5: newbie flag and wallclocks."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

CONTEXT = 3  # newbie, wallclock, previous wallclock
TIME_FEATURES = ("wallclock", "delta")


@keras.saving.register_keras_serializable("rrn_tf")
class StepContext(keras.layers.Layer):
    """Adds a step's time features to its embedded ratings: ``y_t = embedded + K [1_newbie, tau_t, tau_{t-1}]``.

    It is the base class of the encoders of a step's ratings.

    Args:
      units: width d of the embedding.
      time_feature: ``"wallclock"`` as in Eq. 5; ``"delta"`` replaces the two wallclocks, which have to extrapolate
        beyond the training period, by the logarithm of the days between them (0 for a newbie).
      time_scale: number of days in one unit of the wallclock, for ``"delta"``.

    Call arguments:
      embedded: float[B * T, d].
      context: float[B, T, 3], newbie flag, scaled wallclock and scaled previous wallclock.

    Returns:
      float[B, T, d].

    Example:
      >>> StepContext(units=2).add_context(tf.zeros([6, 2]), tf.zeros([2, 3, 3])).shape.as_list()
      [2, 3, 2]

    Reference:
      Wu et al., Recurrent Recommender Networks, WSDM 2017, Eq. 5.
    """

    def __init__(self, units: int, time_feature: str = "wallclock", time_scale: float = 1.0, **kwargs: Any) -> None:
        # No autocast of ratings and wallclocks: half precision would lose days before their differences are taken.
        super().__init__(autocast=False, **kwargs)
        if units < 1:
            raise ValueError(f"units should be >= 1, received {units}")
        if time_feature not in TIME_FEATURES:
            raise ValueError(f"time_feature should be one of {TIME_FEATURES}, received {time_feature!r}")
        if time_scale <= 0:
            raise ValueError(f"time_scale should be positive, received {time_scale}")
        self.units = units
        self.time_feature = time_feature
        self.time_scale = time_scale

    def build(self, input_shape: Any) -> None:
        width = CONTEXT if self.time_feature == "wallclock" else CONTEXT - 1
        self.context_kernel = self.add_weight("context_kernel", (width, self.units), initializer="glorot_uniform")
        super().build(input_shape)

    def call(self, inputs: tuple[tf.Tensor, ...]) -> tf.Tensor:
        embedded, context = inputs
        return self.add_context(embedded, context)

    def add_context(self, embedded: tf.Tensor, context: tf.Tensor) -> tf.Tensor:
        """Completes Eq. 5: float[B * T, d] embedded ratings and float[B, T, 3] context give float[B, T, d]."""
        if not self.built:
            self.build(None)
        shape = tf.shape(context)
        embedded = tf.reshape(tf.cast(embedded, self.compute_dtype), [shape[0], shape[1], self.units])
        return embedded + self.embed_context(context)

    def embed_context(self, context: tf.Tensor) -> tf.Tensor:
        """Embeds a context: float[..., 3] to float[..., d]."""
        kernel = tf.cast(self.context_kernel, self.compute_dtype)
        return tf.tensordot(tf.cast(self.read_clock(context), self.compute_dtype), kernel, 1)

    def read_clock(self, context: tf.Tensor) -> tf.Tensor:
        """Computes the time features of a context float[..., 3]: the newbie flag, then those of the present time."""
        if self.time_feature == "wallclock":
            return context
        newbie = context[..., :1]
        days = tf.maximum(context[..., 1:2] - context[..., 2:3], 0.0) * self.time_scale
        return tf.concat([newbie, (1 - newbie) * tf.math.log1p(days)], axis=-1)

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "time_feature": self.time_feature, "time_scale": self.time_scale}
        return {**super().get_config(), **own}
