"""The parts of a rating as one inner product: what a vector holds beside the projected state."""

from __future__ import annotations

import tensorflow as tf

from rrn_tf.features import Side


def part_at_rest(side: Side, mean: float, stationary: tf.Tensor, bayesian: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Computes all but the projected states of a side's vectors, so that inner products sum the weighted parts.

    Args:
      side: user or item; only users' vectors include the weights.
      mean: mean rating of the Bayesian part.
      stationary: float32[N, k], stationary factors.
      bayesian: float32[N, w], Bayesian factors and, last, a bias; or of width 0.
      weights: float32[N, 3], weights of the network and of the factors, and a constant.

    Returns:
      float32[N, d], with the same width d for both sides.
    """
    if not bayesian.shape[1]:
        return stationary
    factors, bias = bayesian[:, :-1], bayesian[:, -1:]
    if side is Side.ITEM:
        return tf.concat([stationary, factors, tf.ones_like(bias), bias], axis=1)
    network, bayes, constant = tf.split(weights, 3, axis=1)
    return tf.concat([network * stationary, bayes * factors, bayes * (bias + mean) + constant, bayes], axis=1)
