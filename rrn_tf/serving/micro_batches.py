"""Large requests a part at a time: memory does not grow with them, and what repeats is computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


def in_blocks(
    function: Callable[..., Sequence[tf.Tensor]],
    inputs: Sequence[tf.Tensor],
    rows: int | tf.Tensor,
    dtypes: Sequence[tf.DType],
) -> list[tf.Tensor]:
    """A function of rows, applied to some of them at a time.

    Args:
      function: of tensors [n, ...], one for each of `inputs`, to tensors [n, ...]; n may be 0.
      inputs: tensors [N, ...].
      rows: how many at a time.
      dtypes: of the function's results.

    Returns:
      The results, [N, ...] each.
    """
    total = tf.shape(inputs[0])[0]
    rows = tf.clip_by_value(rows, 1, tf.maximum(total, 1))
    # Nothing is one block of no rows, which still has its widths.
    count = tf.maximum((total + rows - 1) // rows, 1)
    arrays = [tf.TensorArray(dtype, count, infer_shape=False) for dtype in dtypes]

    def one(number: tf.Tensor, found: list[tf.TensorArray]) -> tuple[tf.Tensor, list[tf.TensorArray]]:
        begin = number * rows
        results = function(*(x[begin : begin + rows] for x in inputs))
        return number + 1, [array.write(number, values) for array, values in zip(found, results, strict=True)]

    # One after the other: side by side they would need the memory of all.
    _, arrays = tf.while_loop(lambda number, _: number < count, one, (tf.constant(0), arrays), parallel_iterations=1)
    return [array.concat() for array in arrays]


def distinct_pairs(first: tf.Tensor, second: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The different pairs among int64[N] and int64[N]: both parts, int64[U], and which each pair is, int32[N]."""
    seconds, second_number = tf.unique(second)
    # Numbers in place of the values themselves, whose products may overflow.
    base = tf.maximum(tf.size(seconds, tf.int64), 1)
    keys, position = tf.unique(first * base + tf.cast(second_number, tf.int64))
    return keys // base, tf.gather(seconds, keys % base), position


def distinct_rows(
    function: Callable[[tf.Tensor, tf.Tensor], Any], first: tf.Tensor, second: tf.Tensor, rows: int
) -> tf.Tensor:
    """A function of pairs of int64[N], float32[N, d], applied to each different pair once, and some at a time."""
    ones, twos, position = distinct_pairs(first, second)
    (found,) = in_blocks(lambda a, b: [function(a, b)], (ones, twos), rows, [tf.float32])
    return tf.gather(found, position)
