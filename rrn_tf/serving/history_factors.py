"""Computes the Bayesian factors of users from ratings in the request."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from rrn_tf.factors.beliefs import FactorScale
from rrn_tf.features import Side


class RequestHistory(NamedTuple):
    """Up to H ratings of each of N users, in any order.

    Attributes:
      item: int64[N, H], item indices; 0 for items unknown to the model.
      rating: float32[N, H], the ratings.
      timestamp: int64[N, H], unix seconds.
      real: bool[N, H], False at padding, where the other values are ignored.
    """

    item: tf.Tensor
    rating: tf.Tensor
    timestamp: tf.Tensor
    real: tf.Tensor


def factors_of_history(
    given: RequestHistory, standing: tf.Tensor, variance: tf.Tensor, met: tf.Tensor, scale: FactorScale
) -> tf.Tensor:
    """Computes the factors and biases of new users by the updates of `rrn_tf.factors.Beliefs`, second by second.

    Args:
      given: the ratings, which should be finite even at padding.
      standing: float32[N, H, k + 2], the items' factors, a one and their biases.
      variance: float32[N, H, w], posterior variances of the items' factors and biases; ``w = k + 1``.
      met: float32[N, H, w], set vectors of the items.
      scale: priors, noise and drift; these users have the drift of new ones.

    Returns:
      float32[N, w].
    """
    last = tf.int64.max
    time = tf.where(given.real, given.timestamp, last)
    prior = tf.constant(scale.prior(Side.USER))
    vector, item_bias = standing[..., :-1], standing[..., -1]
    users = tf.shape(time)[0]

    def close(
        now: tf.Tensor, mean: tf.Tensor, spread: tf.Tensor, set_sum: tf.Tensor, set_count: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """Updates each user's posterior by the ratings of its next second, which is `now`, int64[N]."""
        inside = tf.cast((time == now[:, tf.newaxis]) & given.real, tf.float32)
        count = tf.reduce_sum(inside, axis=1)
        own = mean + _of_sets(set_sum, set_count)
        error = given.rating - scale.mean - item_bias - tf.linalg.matvec(vector, own)
        known = tf.concat([own[:, :-1] ** 2 + spread[:, :-1], tf.ones_like(own[:, -1:])], axis=1)
        weight = inside / (scale.noise + tf.linalg.matvec(variance, known))
        weighted = weight[..., tf.newaxis] * vector
        information = tf.matmul(weighted, vector, transpose_a=True) + tf.linalg.diag(1 / spread)
        information_vector = tf.reduce_sum(weighted * error[..., tf.newaxis], axis=1)
        covariance = tf.linalg.inv(information)
        some = count[:, tf.newaxis] > 0
        grown = tf.linalg.diag_part(covariance) + scale.new_drift * count[:, tf.newaxis] * prior
        following = tf.reduce_min(tf.where(time > now[:, tf.newaxis], time, last), axis=1)
        return (
            following,
            tf.where(some, mean + tf.linalg.matvec(covariance, information_vector), mean),
            tf.where(some, tf.minimum(grown, prior), spread),
            set_sum + tf.reduce_sum(inside[..., tf.newaxis] * met, axis=1),
            set_count + count,
        )

    nothing = tf.zeros([users, len(scale.user_prior)])
    first = tf.reduce_min(tf.concat([time, tf.fill([users, 1], last)], axis=1), axis=1)
    start = (first, nothing, nothing + prior, nothing, tf.zeros([users]))
    _, mean, _, set_sum, set_count = tf.while_loop(lambda now, *_: tf.reduce_any(now < last), close, start)
    return mean + _of_sets(set_sum, set_count)


def _of_sets(set_sum: tf.Tensor, set_count: tf.Tensor) -> tf.Tensor:
    return set_sum * tf.math.rsqrt(tf.maximum(set_count, 1))[:, tf.newaxis]
