"""Tastes of users whose ratings come with the request."""

from __future__ import annotations

import tensorflow as tf

from rrn_tf.models.tastes import TasteScale


def tastes_of_history(
    owner: tf.Tensor,
    row: tf.Tensor,
    residual: tf.Tensor,
    vector: tf.Tensor,
    variance: tf.Tensor,
    users: tf.Tensor,
    rows: tf.Tensor,
    scale: TasteScale,
) -> tf.Tensor:
    """Beliefs of new users after M ratings, as `rrn_tf.models.tastes.Tastes` closes them step by step.

    Args:
      owner: int32[M], whose of N users each rating is.
      row: int32[M], which of the user's steps it is in, from 0.
      residual: float32[M], ratings less what states say.
      vector, variance: float32[M, k], the items' tastes.
      users, rows: int32[], N and the most steps of a user.
      scale: of all beliefs.

    Returns:
      float32[N, k], the means.
    """
    noise, prior, drift = (tf.constant(value, tf.float32) for value in scale)
    factors = variance.shape[1]
    if not scale.prior:
        return tf.zeros([users, factors])
    vector = tf.ensure_shape(vector, [None, factors])

    def close(step: tf.Tensor, mean: tf.Tensor, spread: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        chosen = tf.where(row == step)[:, 0]
        of, v, doubt = tf.gather(owner, chosen), tf.gather(vector, chosen), tf.gather(variance, chosen)
        own = tf.gather(mean, of)
        error = tf.gather(residual, chosen) - tf.reduce_sum(v * own, axis=1)
        weight = 1 / (noise + tf.reduce_sum(doubt * (own**2 + tf.gather(spread, of)), axis=1))
        weighted = weight[:, tf.newaxis] * v
        information = tf.math.unsorted_segment_sum(weighted[:, :, tf.newaxis] * v[:, tf.newaxis], of, users)
        pull = tf.math.unsorted_segment_sum(weighted * error[:, tf.newaxis], of, users)
        covariance = tf.linalg.inv(information + tf.linalg.diag(1 / spread))
        mean = tf.ensure_shape(mean + tf.linalg.matvec(covariance, pull), [None, factors])
        spread = tf.minimum(tf.linalg.diag_part(covariance) * (1 + drift), prior)
        return step + 1, mean, tf.ensure_shape(spread, [None, factors])

    start = (tf.constant(0), tf.zeros([users, factors]), tf.fill([users, factors], prior))
    return tf.while_loop(lambda step, *_: step < rows, close, start)[1]
