"""A sample of items that represents a large catalogue in the partition sum of a softmax."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

_MULTIPLE = 256  # the number of candidates is padded to a multiple of this, so that products come in few shapes
_NONE = -1e9  # logarithm of weight 0


class Candidates(NamedTuple):
    """C distinct items of a catalogue, padded at the end.

    Attributes:
      item: int32[C], item indices from 1; 0 at padding.
      log_weight: float32[C], logarithm of the number of items that each candidate represents; -1e9 at padding.
      place: int32[items + 1], position of each item in `item`, counted from 1; 0 for items that are no candidates.
    """

    item: Any
    log_weight: Any
    place: Any


def candidates(certain: tf.Tensor, items: int, samples: int, seed: tf.Tensor) -> Candidates:
    """Chooses candidates: all items of `certain` and a random sample of the others.

    The sample is uniform and without replacement. Each sampled item represents (items outside `certain`) / (sampled
    items outside `certain`) items, so the weighted sum of any quantity over the candidates is an unbiased estimate of
    its sum over all items, provided that at least one sampled item lies outside `certain`.

    Args:
      certain: int32[...], items that are always candidates; repetitions are allowed, and 0 is ignored.
      items: number of items in the catalogue; indices run from 1.
      samples: largest number of items to sample.
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
    """bool[items + 1]: whether each item occurs in int32[n] `item`; always False for index 0."""
    found = tf.scatter_nd(item[:, tf.newaxis], tf.ones_like(item), [items + 1]) > 0
    return found & (tf.range(items + 1) > 0)
