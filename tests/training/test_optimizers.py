"""LazyAdam and LazyRMSprop against written-out updates."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.training.optimizers import LazyAdam, LazyRMSprop
from tests.collaborative_reference import lazy_rmsprop

RATE, BETA_1, BETA_2, EPSILON = 0.1, 0.9, 0.999, 1e-7


def adam(gradients: list[dict[int, np.ndarray]], start: np.ndarray) -> np.ndarray:
    """Adam on the touched rows alone; the step count is that of the optimizer."""
    value, m, v = start.astype(np.float64), np.zeros(start.shape), np.zeros(start.shape)
    for t, touched in enumerate(gradients, start=1):
        for row, g in touched.items():
            m[row] = BETA_1 * m[row] + (1 - BETA_1) * g
            v[row] = BETA_2 * v[row] + (1 - BETA_2) * g**2
            rate = RATE * np.sqrt(1 - BETA_2**t) / (1 - BETA_1**t)
            value[row] -= rate * m[row] / (np.sqrt(v[row]) + EPSILON)
    return value


def test_sparse_updates_equal_the_reference_and_touch_nothing_else(rng: np.random.Generator) -> None:
    start = rng.normal(size=(6, 3)).astype(np.float32)
    variable, optimizer = tf.Variable(start), LazyAdam(RATE)
    history = []
    for rows in ([1, 4], [4], [1, 2], [4, 2]):
        values = rng.normal(size=(len(rows), 3)).astype(np.float32)
        history.append(dict(zip(rows, values.astype(np.float64), strict=True)))
        optimizer.apply_gradients([(tf.IndexedSlices(values, rows, [6, 3]), variable)])
    np.testing.assert_allclose(variable.numpy(), adam(history, start), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(variable.numpy()[[0, 3, 5]], start[[0, 3, 5]])


def test_repeated_rows_count_once_with_their_sum() -> None:
    variables = [tf.Variable(tf.ones([3, 2])) for _ in range(2)]
    for variable, slices in zip(
        variables,
        (tf.IndexedSlices([[1.0, 2.0], [3.0, 4.0]], [1, 1], [3, 2]), tf.IndexedSlices([[4.0, 6.0]], [1], [3, 2])),
        strict=True,
    ):
        LazyAdam(RATE).apply_gradients([(slices, variable)])
    np.testing.assert_array_equal(*variables)


def test_dense_updates_are_stock_adam(rng: np.random.Generator) -> None:
    start = rng.normal(size=(2, 3)).astype(np.float32)
    variable, optimizer, history = tf.Variable(start), LazyAdam(RATE), []
    for _ in range(4):
        gradient = rng.normal(size=(2, 3)).astype(np.float32)
        history.append(dict(enumerate(gradient.astype(np.float64))))
        optimizer.apply_gradients([(gradient, variable)])
    np.testing.assert_allclose(variable.numpy(), adam(history, start), rtol=1e-4, atol=1e-5)


def test_clips_what_repeated_rows_sum_to() -> None:
    variables = [tf.Variable(tf.ones([3, 2])) for _ in range(2)]
    slices = tf.IndexedSlices([[3.0, -3.0], [3.0, 0.5]], [1, 1], [3, 2])
    clipped = tf.IndexedSlices([[4.0, -2.5]], [1], [3, 2])
    for variable, optimizer, gradient in zip(
        variables, (LazyAdam(RATE, gradient_clip=4.0), LazyAdam(RATE)), (slices, clipped), strict=True
    ):
        optimizer.apply_gradients([(gradient, variable)])
        optimizer.apply_gradients([(tf.constant([[1.0, 1.0]] * 3), variable)])
    np.testing.assert_array_equal(*variables)
    dense = tf.Variable([1.0]), tf.Variable([1.0])
    first, second = LazyAdam(RATE, gradient_clip=1.0), LazyAdam(RATE)
    for given, same in ((9.0, 1.0), (0.5, 0.5)):
        first.apply_gradients([(tf.constant([given]), dense[0])])
        second.apply_gradients([(tf.constant([same]), dense[1])])
    np.testing.assert_array_equal(*dense)


def test_configuration_keeps_the_clip() -> None:
    assert LazyAdam.from_config(LazyAdam(RATE, gradient_clip=3.0).get_config()).gradient_clip == 3.0


@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_lazy_rmsprop_equals_the_reference_and_touches_nothing_else(clip: float, rng: np.random.Generator) -> None:
    start = rng.normal(size=(6, 3)).astype(np.float32)
    variable, optimizer, history = tf.Variable(start), LazyRMSprop(RATE, 0.9, gradient_clip=clip), []
    for rows in ([1, 4], [4], [1, 2], [4, 2]):
        values = rng.normal(size=(len(rows), 3)).astype(np.float32)
        history.append(dict(zip(rows, values.astype(np.float64), strict=True)))
        # Row 2 comes as two halves, which count once.
        parts = [0.5 if row == 2 else 1.0 for row in rows] + [0.5] * rows.count(2)
        index = [*range(len(rows)), *(i for i, row in enumerate(rows) if row == 2)]
        slices = tf.IndexedSlices(values[index] * np.float32(parts)[:, np.newaxis], np.array(rows)[index], [6, 3])
        optimizer.apply_gradients([(slices, variable)])
    expected = lazy_rmsprop(start, history, RATE, 0.9, 1e-10, clip)
    np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(variable.numpy()[[0, 3, 5]], start[[0, 3, 5]])


def test_lazy_rmsprop_moves_dense_weights_all(rng: np.random.Generator) -> None:
    start = rng.normal(size=(2, 3)).astype(np.float32)
    variable, optimizer, history = tf.Variable(start), LazyRMSprop(RATE, 0.9), []
    for _ in range(4):
        gradient = rng.normal(size=(2, 3)).astype(np.float32)
        history.append(dict(enumerate(gradient.astype(np.float64))))
        optimizer.apply_gradients([(gradient, variable)])
    np.testing.assert_allclose(variable.numpy(), lazy_rmsprop(start, history, RATE, 0.9, 1e-10), rtol=1e-4, atol=1e-5)


def test_lazy_rmsprop_leaves_rows_without_gradient() -> None:
    variable = tf.Variable(tf.ones([2, 2]))
    LazyRMSprop(RATE).apply_gradients([(tf.IndexedSlices(tf.zeros([1, 2]), [0], [2, 2]), variable)])
    np.testing.assert_array_equal(variable.numpy(), np.ones([2, 2]))


def test_lazy_rmsprop_round_trip() -> None:
    config = LazyRMSprop(0.5, 0.7, 1e-8, 2.0).get_config()
    assert LazyRMSprop.from_config(config).get_config() == config
    names = ("learning_rate", "rho", "epsilon", "gradient_clip")
    assert [config[name] for name in names] == [0.5, 0.7, 1e-8, 2.0]


@pytest.mark.slow
def test_lazy_rmsprop_on_two_replicas_clips_the_sum(two_replicas: tf.distribute.Strategy) -> None:
    with two_replicas.scope():
        variable, optimizer = tf.Variable(tf.zeros([3, 1])), LazyRMSprop(RATE, 0.5, gradient_clip=1.0)

    def replica_step() -> None:
        with tf.GradientTape() as tape:
            loss = 0.75 * tf.reduce_sum(tf.gather(variable, [1]))
        optimizer.apply_gradients([(tape.gradient(loss, variable), variable)])

    tf.function(lambda: two_replicas.run(replica_step))()
    expected = lazy_rmsprop(np.zeros([3, 1]), [{1: np.array([1.5])}], RATE, 0.5, 1e-10, clip=1.0)
    np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-5)
