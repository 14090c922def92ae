"""The distribution over the next item."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers.softmax_tiles import sampled_log_likelihood, tiled_log_likelihood, weighted_log_likelihood


@keras.saving.register_keras_serializable("rrn_tf")
class ItemSoftmax(keras.layers.Layer):
    """Scores the next item: ``p(item | h) = softmax(h W_out)[item]``, without bias.

    Products are in the layer's compute dtype, so ``dtype="mixed_bfloat16"`` makes them bfloat16; sums of products and
    of gradients, and log-likelihoods until they are returned, are float32 (float64 in a float64 layer).

    The full softmax is exact and takes rows in tiles, so that the logits of all rows are never in memory at once
    (`rrn_tf.layers.softmax_tiles`).

    Args:
      num_items: indices run from 1; 0 is padding and has no probability.
      units: width of the states.

    Call arguments:
      inputs: a pair of float[N, units], states, and int[N], the items that came next. Where the item is 0, the
        log-likelihood is 0 and whatever stands in the state, NaN included, matters nowhere.

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
        """As the call, but with all products in full precision: float32[N]."""
        return tiled_log_likelihood(states, tf.convert_to_tensor(self.kernel), target, self.variable_dtype)

    def weighted_sum(self, states: tf.Tensor, target: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        """The log-likelihood of all rows, weighted; one pass makes it and its gradient, which suits a training loss.

        Args:
          states: float[N, units].
          target: int[N], 0 at padding.
          weight: float[N]; no gradient passes to it.

        Returns:
          float32[].
        """
        return weighted_log_likelihood(states, tf.convert_to_tensor(self.kernel), target, weight, self.compute_dtype)

    def sampled(self, states: tf.Tensor, target: tf.Tensor, samples: int, seed: tf.Tensor) -> tf.Tensor:
        """Log-likelihoods with the partition sum estimated from sampled items; as the call for all of them.

        Candidates are drawn uniformly without replacement, the same for all rows. The estimate of the partition sum,
        ``exp(l_target)`` plus the other items' mean over the candidates times their number, is unbiased; its logarithm
        is low by about half its relative variance.

        Args:
          states: float[N, units].
          target: int[N], 0 at padding.
          samples: how many items are drawn.
          seed: int[2], as `tf.random.stateless_uniform` takes it.

        Returns:
          float32[N].
        """
        return sampled_log_likelihood(
            states, tf.convert_to_tensor(self.kernel), target, samples, seed, self.compute_dtype
        )

    def log_probabilities(self, states: tf.Tensor) -> tf.Tensor:
        """Of every item, the first with index 1: float[..., units] states to float32[..., num_items]."""
        return tf.nn.log_softmax(self._logits(states))

    def top_k(self, states: tf.Tensor, k: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The k most probable items of float[..., units] states.

        Returns:
          int32[..., k], item indices, and float32[..., k], their log-probabilities, falling.
        """
        found, item = tf.math.top_k(self.log_probabilities(states), k)
        return item + 1, found

    def _logits(self, states: tf.Tensor) -> tf.Tensor:
        kernel = tf.convert_to_tensor(self.kernel)
        return tf.tensordot(tf.cast(states, kernel.dtype), kernel, 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_items": self.num_items, "units": self.units}
