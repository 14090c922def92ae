"""Gathering rows of large tables, and adding rows up."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def gathered(table: Any, index: tf.Tensor) -> tf.Tensor:
    """Gathers rows of a variable like `tf.gather`, which however first copies the whole of a mirrored variable."""
    try:
        return table.sparse_read(index)
    except AttributeError:
        return tf.raw_ops.ResourceGather(resource=table.handle, indices=index, dtype=table.dtype)


def ordered_sums(values: tf.Tensor, slot: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
    """Adds values to sums one by one, in the order in which they stand: to the bit what any division into calls gives.

    Sums of floating-point numbers depend on the order of additions. Here the next value is always added to the sum of
    all before it, so that a sum may be left after any value and gone on with later.

    Args:
      values: float[N, d].
      slot: int[N], the sum to which each value is added.
      before: float[S, d], the sums so far.

    Returns:
      float[S, d].

    Example:
      >>> ordered_sums(tf.constant([[1.0], [2.0]]), tf.constant([0, 0]), tf.constant([[3.0]])).numpy().tolist()
      [[6.0]]
    """
    count = tf.shape(before)[0]
    slot = tf.concat([tf.range(count), tf.cast(slot, tf.int32)], axis=0)
    return tf.math.unsorted_segment_sum(tf.concat([before, values], axis=0), slot, count)
