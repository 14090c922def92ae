"""Items that stand for all of a large catalogue in the sum of a softmax."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

_MULTIPLE = 256  # candidates are so many, or twice, and so on: their products then come in few shapes
_NONE = -1e9  # logarithm of no weight


class Candidates(NamedTuple):
    """C items of a catalogue, each once, with padding at the end.

    Attributes:
      item: int32[C], from 1; 0 at padding.
      log_weight: float32[C], logarithm of how many items each stands for; -1e9 at padding.
      place: int32[items + 1], where each item is in `item`, counted from 1; 0 of those that are not in it.
    """

    item: Any
    log_weight: Any
    place: Any


def candidates(certain: tf.Tensor, items: int, samples: int, seed: tf.Tensor) -> Candidates:
    """Some items for certain, and a sample of the others.

    Draws are uniform, without replacement. Of those that are not certain anyway, each stands for as many items as there
    are others a draw, so that the weighted sum of anything over candidates is, on average over draws, its sum over all
    items, unless no draw is left.

    Args:
      certain: int32[...], items, also repeatedly; 0 is none.
      items: of the catalogue, from 1.
      samples: how many items are drawn, at most.
      seed: int[2], as `tf.random.stateless_uniform` takes it.

    Reference:
      Horvitz and Thompson, A Generalization of Sampling Without Replacement from a Finite Universe, 1952.
    """
    drawn = 1 + tf.random.experimental.index_shuffle(tf.range(min(samples, items)), tf.cast(seed, tf.int32), items - 1)
    sure = _among(tf.reshape(certain, [-1]), items)
    others = _among(drawn, items) & ~sure
    item = tf.cast(tf.where(sure | others)[:, 0], tf.int32)
    stand_for = items - tf.math.count_nonzero(sure, dtype=tf.int32)
    each = tf.cast(stand_for, tf.float32) / tf.maximum(tf.cast(tf.math.count_nonzero(others), tf.float32), 1)
    log_weight = tf.where(tf.gather(sure, item), 0.0, tf.math.log(tf.maximum(each, 1)))
    place = tf.scatter_nd(item[:, tf.newaxis], 1 + tf.range(tf.shape(item)[0]), [items + 1])
    more = -tf.shape(item)[0] % _MULTIPLE
    return Candidates(tf.pad(item, [[0, more]]), tf.pad(log_weight, [[0, more]], constant_values=_NONE), place)


def _among(item: tf.Tensor, items: int) -> tf.Tensor:
    """bool[items + 1], which items are among some int32[n]; 0 never is."""
    found = tf.scatter_nd(item[:, tf.newaxis], tf.ones_like(item), [items + 1]) > 0
    return found & (tf.range(items + 1) > 0)
