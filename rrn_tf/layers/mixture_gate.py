"""The gate of a mixture: the weight of each distribution at each event."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

RATE = 5.0  # the weights of features learn this many times as fast as other weights
ABSENT = -1e9  # stands for the log-probability of a distribution that is absent at an event


@keras.saving.register_keras_serializable("rrn_tf")
class MixtureGate(keras.layers.Layer):
    """A softmax over distributions with logits linear in features and a state; absent distributions have weight 0.

    Args:
      parts: number of distributions.

    Call arguments:
      inputs: float[N, f] features, float[N, units] states, and float[N, parts], the log-probability of some item under
        each distribution; -1e9 where a distribution is absent. At least one has to be present.

    Returns:
      float[N, parts], logarithms of the weights, computed in full precision; -1e9 for absent distributions.

    Example:
      >>> gate = MixtureGate(parts=3)
      >>> tf.exp(gate((tf.zeros([1, 2]), tf.zeros([1, 4]), tf.constant([[-2.0, -1e9, -3.0]])))).numpy().tolist()
      [[0.5, 0.0, 0.5]]

    Reference:
      Jacobs, Jordan, Nowlan and Hinton, Adaptive Mixtures of Local Experts, 1991.
    """

    def __init__(self, parts: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if parts < 1:
            raise ValueError(f"parts should be >= 1, received {parts}")
        self.parts = parts

    def build(self, input_shape: Any) -> None:
        features, states, _ = input_shape
        self.of_features = self.add_weight("of_features", (features[-1], self.parts), initializer="zeros")
        self.of_states = self.add_weight("of_states", (states[-1], self.parts), initializer="zeros")
        self.bias = self.add_weight("bias", (self.parts,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        features, states, found = (tf.cast(x, self.variable_dtype) for x in inputs)
        weights = (self.of_features, self.bias, self.of_states)
        of_features, bias, of_states = (tf.cast(x, self.variable_dtype) for x in weights)
        logits = RATE * (tf.matmul(features, of_features) + bias) + tf.matmul(states, of_states)
        absent = tf.constant(ABSENT, logits.dtype)
        log_weights = tf.nn.log_softmax(tf.where(found > ABSENT / 2, logits, absent))
        return tf.cast(tf.where(found > ABSENT / 2, log_weights, absent), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "parts": self.parts}
