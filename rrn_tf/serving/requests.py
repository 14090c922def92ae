"""Checks of requests: equal lengths, times without overflow, and answers that fit in memory."""

from __future__ import annotations

import tensorflow as tf

_FARTHEST = 1 << 35  # seconds, a thousand years: times beyond that are mistakes and would lose precision
LARGEST_ANSWER = 1 << 24  # the most recommended items of one request
LONGEST_HISTORY = 1 << 16  # the most ratings or events of one row


def of_rank(tensor: tf.Tensor) -> tf.Tensor:
    """Returns an input of a signature after a check of its rank, which callers of a loaded model may get wrong.

    Raises:
      tf.errors.InvalidArgumentError: when the graph runs, if the rank is another one.
    """
    return tf.ensure_shape(tensor, tensor.shape)


def bounded(timestamp: tf.Tensor) -> tf.Tensor:
    """Clips times int64[...] to a thousand years before and after 1970."""
    return tf.clip_by_value(timestamp, -_FARTHEST, _FARTHEST)


def same_rows(**inputs: tf.Tensor) -> list[tf.Tensor]:
    """Returns the inputs after a check that all have their rank and as many rows as the first one.

    Raises:
      tf.errors.InvalidArgumentError: when the graph runs, if ranks or numbers of rows differ.
    """
    names, tensors = list(inputs), [of_rank(tensor) for tensor in inputs.values()]
    checks = [
        tf.debugging.assert_equal(
            tf.shape(tensor)[0],
            tf.shape(tensors[0])[0],
            f"expected as many rows of {name} as of {names[0]}, found",
        )
        for name, tensor in zip(names[1:], tensors[1:], strict=True)
    ]
    with tf.control_dependencies(checks):
        return [tf.identity(tensor) for tensor in tensors]


def same_widths(**inputs: tf.Tensor) -> list[tf.Tensor]:
    """Returns inputs [N, H] after a check that all have one width of at most `LONGEST_HISTORY`.

    Raises:
      tf.errors.InvalidArgumentError: when the graph runs, if widths differ or are too large.
    """
    names, tensors = list(inputs), list(inputs.values())
    width = tf.shape(tensors[0])[1]
    checks = [
        tf.debugging.assert_equal(
            tf.shape(tensor)[1], width, f"expected as many columns of {name} as of {names[0]}, found"
        )
        for name, tensor in zip(names[1:], tensors[1:], strict=True)
    ]
    checks.append(
        tf.debugging.assert_less_equal(
            width, LONGEST_HISTORY, f"expected at most {LONGEST_HISTORY} columns of {names[0]}, found"
        )
    )
    with tf.control_dependencies(checks):
        return [tf.identity(tensor) for tensor in tensors]


def answer_width(k: tf.Tensor, rows: tf.Tensor, choices: tf.Tensor) -> tf.Tensor:
    """Computes the number of items in each row of the answer: `k` clipped to 0 and the number of choices, int32[].

    Raises:
      tf.errors.InvalidArgumentError: when the graph runs, for an answer of more than `LARGEST_ANSWER` items.
    """
    width = tf.clip_by_value(of_rank(k), 0, choices)
    cells = tf.cast(rows, tf.int64) * tf.cast(width, tf.int64)
    check = tf.debugging.assert_less_equal(
        cells, tf.constant(LARGEST_ANSWER, tf.int64), f"expected at most {LARGEST_ANSWER} items (rows times k), found"
    )
    with tf.control_dependencies([check]):
        return tf.identity(width)
