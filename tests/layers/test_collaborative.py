"""The collaborative cells, beyond the shared contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers import CollaborativeGRUCell, CollaborativeSimpleRNNCell
from rrn_tf.layers.collaborative import MATRICES, CollaborativeCell

USERS, ITEMS, UNITS = 3, 7, 4
USER = tf.constant([2, 3])
ITEM = tf.constant([[4, 7, 1, 4], [2, 2, 0, 0]])

Make = Callable[..., CollaborativeCell]


def gru(**kwargs: Any) -> CollaborativeCell:
    return CollaborativeGRUCell(USERS, ITEMS, UNITS, **kwargs)


def rnn(**kwargs: Any) -> CollaborativeCell:
    return CollaborativeSimpleRNNCell(USERS, ITEMS, UNITS, **kwargs)


def gradients(cell: CollaborativeCell, states: Callable[[], tf.Tensor]) -> list[np.ndarray]:
    weight = tf.random.stateless_normal([2, 4, UNITS], [1, 2])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weight * states())
    return [tf.convert_to_tensor(g).numpy() for g in tape.gradient(loss, cell.trainable_variables)]


@pytest.mark.parametrize("matrices", MATRICES)
@pytest.mark.parametrize("make", [gru, rnn])
def test_layer_equals_steps_with_gradients(make: Make, matrices: str) -> None:
    cell = make(matrices=matrices)
    cell.build(None)
    for table in cell.left:
        table.assign(tf.random.stateless_normal(table.shape, [5, 6]))
    state = tf.random.stateless_normal([2, UNITS], [3, 4])

    def by_steps() -> tf.Tensor:
        states = [state]
        for t in range(4):
            after = cell.step(USER, ITEM[:, t], states[-1])
            states.append(tf.where(ITEM[:, t, tf.newaxis] > 0, after, states[-1]))
        return tf.stack(states[1:], axis=1)

    def whole() -> tf.Tensor:
        return cell((USER, ITEM), initial_state=state)

    np.testing.assert_allclose(whole(), by_steps(), rtol=1e-5, atol=1e-6)
    for left, right in zip(gradients(cell, whole), gradients(cell, by_steps), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("make", [gru, rnn])
def test_keras_rnn_takes_it_as_a_cell(make: Make) -> None:
    cell, state = make(), tf.random.stateless_normal([2, UNITS], [3, 4])
    assert (cell.state_size, cell.output_size) == (UNITS, UNITS)
    steps = tf.repeat(USER[:, tf.newaxis, tf.newaxis], 4, axis=1), ITEM[:, :, tf.newaxis]
    along = keras.layers.RNN(cell, return_sequences=True)
    np.testing.assert_allclose(along(steps), cell((USER, ITEM)), rtol=1e-5, atol=1e-6)
    started = along(steps, initial_state=state)
    np.testing.assert_allclose(started, cell((USER, ITEM), initial_state=state), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(keras.layers.RNN(cell)(steps), cell((USER, ITEM))[:, -1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [gru, rnn])
def test_users_do_not_share_recurrent_matrices(make: Make) -> None:
    cell = make()
    before = cell((USER, ITEM)).numpy()
    for slices in gradients(cell, lambda: cell((USER, ITEM)))[: len(cell.blocks)]:
        assert (np.abs(slices).reshape(USERS + 1, -1).max(axis=1) > 0).tolist() == [False, False, True, True]
    for matrices in cell.recurrent:
        matrices[3].assign(matrices[3] + 1.0)
    after = cell((USER, ITEM)).numpy()
    np.testing.assert_array_equal(after[0], before[0])
    assert (after[1, 1] != before[1, 1]).all()


@pytest.mark.parametrize("make", [gru, rnn])
def test_a_shared_matrix_is_everyones(make: Make) -> None:
    cell = make(matrices="shared")
    np.testing.assert_array_equal(*(cell((tf.constant([user]), ITEM[:1])) for user in (1, 2)))


@pytest.mark.parametrize("make", [gru, rnn])
def test_of_low_rank_users_start_alike_and_move_alone(make: Make) -> None:
    cell, items = make(matrices="low-rank", rank=2), tf.repeat(ITEM[:1], 2, axis=0)
    np.testing.assert_array_equal(*cell((USER, items)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(cell((USER[:1], ITEM[:1])))
    for gradient in tape.gradient(loss, cell.left):
        assert gradient.indices.numpy().tolist() == [2], "the rows of whoever is there, and no others"
    before = cell((USER, items)).numpy()
    for table in cell.personal:
        table[3].assign(tf.ones(table.shape[1:]))
    after = cell((USER, items)).numpy()
    np.testing.assert_array_equal(after[0], before[0])
    assert (after[1, 1:] != before[1, 1:]).all()


@pytest.mark.parametrize("make", [gru, rnn])
def test_padding_keeps_the_state_and_its_embedding_matters_nowhere(make: Make) -> None:
    cell = make()
    clean = cell((USER, ITEM)).numpy(), gradients(cell, lambda: cell((USER, ITEM)))
    np.testing.assert_array_equal(clean[0][1, 1], clean[0][1, 3])
    for table in cell.embedding:
        table[0].assign(tf.fill(table[0].shape, np.nan))
    np.testing.assert_array_equal(cell((USER, ITEM)), clean[0])
    for poisoned, expected in zip(gradients(cell, lambda: cell((USER, ITEM))), clean[1], strict=True):
        np.testing.assert_array_equal(poisoned, expected)


@pytest.mark.parametrize("make", [gru, rnn])
def test_goes_on_from_a_state_after_padding(make: Make) -> None:
    cell = make()
    first = cell((USER, ITEM))
    again = cell((USER, ITEM[:, :2]), initial_state=first[:, -1])
    joined = cell((USER[1:], tf.constant([[2, 2, 2, 2]])))
    np.testing.assert_allclose(again[1, -1], joined[0, -1], rtol=1e-6)


def test_variables_start_normal_with_one_over_root_units() -> None:
    cell = CollaborativeGRUCell(50, 2_000, 16)
    cell((tf.constant([1]), tf.constant([[1]])))
    for variable in cell.variables:
        np.testing.assert_allclose(np.std(variable), 0.25, rtol=0.02)
        np.testing.assert_allclose(np.mean(variable), 0, atol=0.01)


def test_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match=r"activation should be one of .*received 'relu'"):
        CollaborativeGRUCell(1, 1, 1, "relu")
    with pytest.raises(ValueError, match=r"matrices should be one of .*received 'pooled'"):
        CollaborativeGRUCell(1, 1, 1, matrices="pooled")
    with pytest.raises(ValueError, match="units should be >= 1, received 0"):
        CollaborativeSimpleRNNCell(1, 1, 0)
