"""What a request may hold: lengths that agree, times that can be reckoned with, answers that fit in memory."""

from __future__ import annotations

import tensorflow as tf

_FARTHEST = 1 << 35  # seconds, a thousand years: what is farther is a mistake, and would swallow differences
LARGEST_ANSWER = 1 << 24  # recommended items of one request
LONGEST_HISTORY = 1 << 16  # ratings or events a row


def bounded(timestamp: tf.Tensor) -> tf.Tensor:
    """Times int64[...], those more than a thousand years before or after 1970 brought nearer."""
    return tf.clip_by_value(timestamp, -_FARTHEST, _FARTHEST)


def same_rows(**inputs: tf.Tensor) -> list[tf.Tensor]:
    """Inputs that have as many rows as the first one.

    Raises:
      tf.errors.InvalidArgumentError: when the graph runs, for others.
    """
    names, tensors = list(inputs), list(inputs.values())
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
    """Histories [N, H] of one width, at most `LONGEST_HISTORY`.

    Raises:
      tf.errors.InvalidArgumentError: when the graph runs, for others.
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
    """How many items each row is answered with: `k` within 0 and the number of choices, int32[].

    Raises:
      tf.errors.InvalidArgumentError: when the graph runs, for an answer of more than `LARGEST_ANSWER` items.
    """
    width = tf.clip_by_value(k, 0, choices)
    cells = tf.cast(rows, tf.int64) * tf.cast(width, tf.int64)
    check = tf.debugging.assert_less_equal(
        cells, tf.constant(LARGEST_ANSWER, tf.int64), f"expected at most {LARGEST_ANSWER} items (rows times k), found"
    )
    with tf.control_dependencies([check]):
        return tf.identity(width)
