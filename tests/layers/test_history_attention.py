"""Attention to a user's own past, beyond the shared contract."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.layers import HistoryAttention

WINDOW, STEPS, UNITS = 5, 4, 3


def test_the_future_changes_not_one_bit() -> None:
    rng = np.random.default_rng(0)
    width = WINDOW + 1 + STEPS
    item, time = rng.integers(1, 4, (2, width)), np.sort(rng.integers(1, 10**6, (2, width)), axis=1)
    vectors = rng.normal(size=(2, width, UNITS)).astype(np.float32)
    attend = HistoryAttention(UNITS, 2, WINDOW, 2)
    before = attend((tf.constant(item), tf.constant(time), tf.constant(vectors))).numpy()
    # The item and vector of the event that is predicted second, and all of later ones.
    item[:, WINDOW + 2 :] += 1
    time[:, WINDOW + 3 :] += 1000
    vectors[:, WINDOW + 2 :] += 1
    after = attend((tf.constant(item), tf.constant(time), tf.constant(vectors))).numpy()
    np.testing.assert_array_equal(before[:, :2], after[:, :2])
    assert (before[:, 2:] != after[:, 2:]).any(axis=(1, 2)).all()


def test_it_finds_what_followed_upon_what_is_alike() -> None:
    """Items 1 and 2 are alike and never the same: after 1 came 3, so after 2 the vector of 3 is what comes out."""
    attend = HistoryAttention(units=3, heads=1, window=WINDOW, width=3)
    vectors = tf.constant([[0.0, 0, 0], [1, 0.1, 0], [1, -0.1, 0], [0, 0, 1], [0, 1, 0]])
    item = tf.constant([[0, 1, 3, 4, 4, 2, 0]])
    attend((item, tf.zeros_like(item, tf.int64), tf.gather(vectors, item)))
    attend.recency.kernel.assign(tf.zeros_like(attend.recency.kernel))
    for weight, scale in ((attend.queries, 2.0), (attend.keys, 2.0), (attend.outputs, 0.2)):
        weight.assign(scale * tf.eye(3)[tf.newaxis])
    found = attend((item, tf.zeros_like(item, tf.int64), tf.gather(vectors, item)))
    np.testing.assert_allclose(found[0, 0], vectors[3], atol=1e-3)


def test_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="width should be >= 1, received 0"):
        HistoryAttention(units=2, width=0)
