"""The softmax distribution over the next item."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers.softmax_tiles import sampled_log_likelihood, tiled_log_likelihood, weighted_log_likelihood


@keras.saving.register_keras_serializable("rrn_tf")
class ItemSoftmax(keras.layers.Layer):
    """Computes the probability of the next item: ``p(item | h) = softmax(h W_out)[item]``, without bias.

    Products have the layer's compute dtype, so ``dtype="mixed_bfloat16"`` makes them bfloat16; sums of products and
    of gradients, and log-likelihoods until they are returned, are float32 (float64 in a float64 layer).

    The full softmax is exact and computed in tiles of states, so that the logits of all states are never in memory at
    once (`rrn_tf.layers.softmax_tiles`).

    Args:
      num_items: number of items; indices run from 1, and 0 is padding, which has no probability.
      units: width of the states.

    Call arguments:
      inputs: a pair of float[N, units], states, and int[N], the next items. Where the item is 0, the
        log-likelihood is 0 and the values of the state, NaN included, have no effect.

    Returns:
      float[N], log-likelihoods in nats.

    Example:
      >>> softmax = ItemSoftmax(num_items=9, units=3)
      >>> [round(found, 3) for found in softmax((tf.zeros([2, 3]), tf.constant([4, 0]))).numpy().tolist()]
      [-2.197, 0.0]

    Reference:
      Ko, Maystre and Grossglauser, Collaborative Recurrent Neural Networks for Dynamic Recommender Systems, ACML 2016.
    """

    def __init__(self, num_items: int, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_items < 1 or units < 1:
            raise ValueError(f"num_items and units should be >= 1, received {num_items} and {units}")
        self.num_items = num_items
        self.units = units

    def build(self, input_shape: Any) -> None:
        start = keras.initializers.RandomNormal(stddev=self.units**-0.5)
        self.kernel = self.add_weight("kernel", (self.units, self.num_items), initializer=start)
        super().build(input_shape)

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        states, target = inputs
        found = tiled_log_likelihood(states, tf.convert_to_tensor(self.kernel), target, self.compute_dtype)
        return tf.cast(found, self.compute_dtype)

    def log_likelihood(self, states: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        """Computes the same as `call`, float32[N], with all products in full precision."""
        return tiled_log_likelihood(states, tf.convert_to_tensor(self.kernel), target, self.variable_dtype)

    def weighted_sum(self, states: tf.Tensor, target: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        """Computes the weighted sum of log-likelihoods and its gradient in one pass, which suits a training loss.

        Args:
          states: float[N, units].
          target: int[N], 0 at padding.
          weight: float[N]; no gradient passes to it.

        Returns:
          float32[].
        """
        return weighted_log_likelihood(states, tf.convert_to_tensor(self.kernel), target, weight, self.compute_dtype)

    def sampled(self, states: tf.Tensor, target: tf.Tensor, samples: int, seed: tf.Tensor) -> tf.Tensor:
        """Estimates log-likelihoods from sampled items; with all items sampled, they are those of `call`.

        Items are sampled uniformly without replacement, the same for all states. The estimate of the partition sum,
        ``exp(l_target)`` plus the mean of the other sampled items times the number of other items, is unbiased; its
        logarithm is too low by about half its relative variance.

        Args:
          states: float[N, units].
          target: int[N], 0 at padding.
          samples: number of items to sample.
          seed: int[2], as `tf.random.stateless_uniform` takes it.

        Returns:
          float32[N].
        """
        return sampled_log_likelihood(
            states, tf.convert_to_tensor(self.kernel), target, samples, seed, self.compute_dtype
        )

    def log_probabilities(self, states: tf.Tensor) -> tf.Tensor:
        """Computes the log-probability of every item, index 1 first: float[..., units] to float32[..., num_items]."""
        return tf.nn.log_softmax(self._logits(states))

    def top_k(self, states: tf.Tensor, k: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Finds the k most probable items for states float[..., units].

        Returns:
          int32[..., k], item indices, and float32[..., k], their log-probabilities in descending order.
        """
        found, item = tf.math.top_k(self.log_probabilities(states), k)
        return item + 1, found

    def _logits(self, states: tf.Tensor) -> tf.Tensor:
        kernel = tf.convert_to_tensor(self.kernel)
        return tf.tensordot(tf.cast(states, kernel.dtype), kernel, 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_items": self.num_items, "units": self.units}
