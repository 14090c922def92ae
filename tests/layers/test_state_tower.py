"""Eq. 6."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers import StateTower
from rrn_tf.layers.state_tower import CELLS
from tests.contracts import check_config_round_trip, check_graph_equals_eager, check_reloads

B, T, D, U = 3, 5, 4, 6
LENGTHS = tf.constant([5, 2, 3])

pytestmark = pytest.mark.parametrize("cell", sorted(CELLS))


@pytest.fixture
def inputs(rng: np.random.Generator) -> tf.Tensor:
    return tf.constant(rng.normal(size=(B, T, D)), tf.float32)


def by_steps(tower: StateTower, inputs: tf.Tensor) -> tuple[tf.Tensor, list[list[tf.Tensor]]]:
    state, outputs, states = tower.initial_state(B), [], []
    for t in range(T):
        output, state = tower.step(inputs[:, t], state)
        outputs.append(output)
        states.append(state)
    return tf.stack(outputs, 1), states


def test_layer_equals_steps_with_gradients(cell: str, inputs: tf.Tensor) -> None:
    tower = StateTower(U, cell)
    weight = tf.random.normal([B, T, U], seed=1)
    with tf.GradientTape(persistent=True) as tape:
        whole, steps = tower(inputs), by_steps(tower, inputs)[0]
        losses = [tf.reduce_sum(x * weight) for x in (whole, steps)]
    np.testing.assert_allclose(whole, steps, rtol=1e-5, atol=1e-6)
    for left, right in zip(*(tape.gradient(loss, tower.trainable_variables) for loss in losses), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-5)


def test_final_state_is_that_of_the_last_real_step(cell: str, inputs: tf.Tensor) -> None:
    tower = StateTower(U, cell)
    _, final = tower(inputs, mask=tf.sequence_mask(LENGTHS, T), return_state=True)
    _, states = by_steps(tower, inputs)
    for part, values in enumerate(final):
        expected = [states[int(length) - 1][part][b] for b, length in enumerate(LENGTHS)]
        np.testing.assert_allclose(values, tf.stack(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("return_state", [False, True])
def test_nan_in_padding_reaches_neither_states_nor_gradients(cell: str, return_state: bool, inputs: tf.Tensor) -> None:
    tower = StateTower(U, cell)
    mask = tf.sequence_mask(LENGTHS, T)
    answers = []
    for padding in (0.0, float("nan")):
        poisoned = tf.where(mask[:, :, None], inputs, padding)
        with tf.GradientTape() as tape:
            states = tower(poisoned, mask=mask, return_state=return_state)
            states = states[0] if return_state else states
            real = tf.boolean_mask(states, mask)
            loss = tf.reduce_sum(tf.square(real))
        answers.append([real, *tape.gradient(loss, tower.trainable_variables)])
    for clean, poisoned in zip(*answers, strict=True):
        assert np.isfinite(poisoned).all()
        np.testing.assert_array_equal(clean, poisoned)


def test_starts_from_a_given_state(cell: str, inputs: tf.Tensor) -> None:
    tower = StateTower(U, cell)
    whole = tower(inputs)
    _, states = by_steps(tower, inputs)
    rest = tower(inputs[:, 2:], initial_state=states[1])
    np.testing.assert_allclose(rest, whole[:, 2:], rtol=1e-5, atol=1e-6)


def test_graph_with_unknown_batch_and_time(cell: str, inputs: tf.Tensor) -> None:
    tower = StateTower(U, cell)
    tower.build(inputs.shape)
    check_graph_equals_eager(lambda x: tower(x, return_state=True), inputs)


def test_config_and_reloads(cell: str, inputs: tf.Tensor, tmp_path: Path) -> None:
    check_config_round_trip(StateTower(U, cell, name="tower"))
    feed = keras.Input((None, D))
    check_reloads(keras.Model(feed, StateTower(U, cell)(feed)), inputs, tmp_path)


def test_refuses_an_unknown_cell(cell: str) -> None:
    with pytest.raises(ValueError, match=f"should be one of .*received '{cell}x'"):
        StateTower(U, cell + "x")
