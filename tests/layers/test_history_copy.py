"""The copy of past items, beyond the shared contract."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.layers import HistoryCopy
from tests.collaborative_reference import copied

WINDOW, STEPS, USERS, DAY = 6, 5, 3, 86_400


@pytest.fixture
def copy() -> HistoryCopy:
    layer = HistoryCopy(heads=2, window=WINDOW, dtype="float64")
    layer.build(None)
    return layer


def histories(rng: np.random.Generator, empty: int) -> tuple[np.ndarray, np.ndarray]:
    """Items and times, of which so many of the first are no events; the second user has one event fewer."""
    item = rng.integers(1, 4, (USERS, WINDOW + 1 + STEPS)).astype(np.int32)
    item[:, :empty] = 0
    item[1, : empty + 1] = 0
    time = np.sort(rng.integers(0, 9 * DAY, item.shape), axis=1)
    return item, np.where(item > 0, time, 0)


@pytest.mark.parametrize("empty", [0, 1, 4, WINDOW, WINDOW + 1, WINDOW + 3])
def test_a_history_may_begin_anywhere(empty: int, copy: HistoryCopy, rng: np.random.Generator) -> None:
    item, time = histories(rng, empty)
    expected = copied(item, time, 5 * copy.kernel.numpy(), WINDOW, clock=True)
    np.testing.assert_allclose(copy((tf.constant(item), tf.constant(time))), expected, rtol=1e-9)


@pytest.mark.parametrize("clock", [True, False])
def test_the_gradient_is_that_of_the_plain_formula(clock: bool, rng: np.random.Generator) -> None:
    copy = HistoryCopy(heads=2, window=WINDOW, clock=clock, dtype="float64")
    copy.build(None)
    item, time = (tf.constant(values) for values in histories(rng, 2))
    upstream = tf.constant(rng.normal(size=(USERS, STEPS, 2)))
    hit = item[:, tf.newaxis, 1:-1] == item[:, WINDOW + 1 :, tf.newaxis]

    def plain() -> tf.Tensor:
        weights = copy.log_weights((item, time))
        ours = tf.reduce_logsumexp(tf.where(hit[:, tf.newaxis], weights, -1e9), axis=-1)
        share = tf.transpose(ours - tf.reduce_logsumexp(weights, axis=-1), [0, 2, 1])
        return tf.where(share > -1e6, share, 0)

    found = []
    for value in (plain, lambda: copy((item, time))):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(value() * upstream)
        found.append(tape.gradient(loss, copy.kernel))
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-12)
    assert np.count_nonzero(found[1]) == (14 if clock else 6)
