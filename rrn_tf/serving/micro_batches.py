"""Computes large requests in parts, so that memory is bounded, and repeated inputs only once."""

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
    """Applies a function of rows to a limited number of rows at a time.

    Args:
      function: maps tensors [n, ...], one for each of `inputs`, to tensors [n, ...]; n may be 0.
      inputs: tensors [N, ...].
      rows: number of rows at a time.
      dtypes: types of the function's results.

    Returns:
      The results, [N, ...] each.
    """
    total = tf.shape(inputs[0])[0]
    rows = tf.clip_by_value(rows, 1, tf.maximum(total, 1))
    # Without rows there is one block of no rows, so that results have the right widths.
    count = tf.maximum((total + rows - 1) // rows, 1)
    arrays = [tf.TensorArray(dtype, count, infer_shape=False) for dtype in dtypes]

    def one(number: tf.Tensor, found: list[tf.TensorArray]) -> tuple[tf.Tensor, list[tf.TensorArray]]:
        begin = number * rows
        results = function(*(x[begin : begin + rows] for x in inputs))
        return number + 1, [array.write(number, values) for array, values in zip(found, results, strict=True)]

    # Blocks run one after the other: in parallel they would need the memory of all.
    _, arrays = tf.while_loop(lambda number, _: number < count, one, (tf.constant(0), arrays), parallel_iterations=1)
    return [array.concat() for array in arrays]


def distinct_pairs(first: tf.Tensor, second: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Finds the distinct pairs of int64[N] and int64[N]: both parts, int64[U], and the index of each pair, int32[N]."""
    seconds, second_number = tf.unique(second)
    # Uses indices of the second values, since products of the values themselves may overflow.
    base = tf.maximum(tf.size(seconds, tf.int64), 1)
    keys, position = tf.unique(first * base + tf.cast(second_number, tf.int64))
    return keys // base, tf.gather(seconds, keys % base), position


def distinct_rows(
    function: Callable[[tf.Tensor, tf.Tensor], Any], first: tf.Tensor, second: tf.Tensor, rows: int
) -> tf.Tensor:
    """Applies a function of pairs, with values float32[N, d], to each distinct pair once, `rows` at a time."""
    ones, twos, position = distinct_pairs(first, second)
    (found,) = in_blocks(lambda a, b: [function(a, b)], (ones, twos), rows, [tf.float32])
    return tf.gather(found, position)
