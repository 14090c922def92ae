"""The Collaborative RNN as a Keras model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from tests.collaborative_reference import log_likelihoods, states_of

USER, ITEM = np.array([2, 1]), np.array([[3, 1, 5], [4, 2, 0]])
TARGET = np.array([[1, 5, 2], [2, 0, 0]])


def network(**settings: object) -> CollaborativeRNN:
    keras.utils.set_random_seed(5)
    model = CollaborativeRNN(3, 5, units=4, **settings)
    model.stationary.table.assign(tf.random.normal(model.stationary.table.shape))
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [{}, {"activation": "tanh"}, {"cell": "rnn"}, {"matrices": "shared"}, {"stationary": 2}], ids=str
)
def test_likelihoods_are_numpys(settings: dict[str, object]) -> None:
    model = network(**settings)
    states = states_of(model.cell, USER, ITEM, np.zeros((2, 4)))
    factors = model.stationary.table.numpy()[USER]
    beside = np.concatenate([states, np.repeat(factors[:, np.newaxis], 3, axis=1)], axis=2)
    expected = log_likelihoods(beside.reshape(6, -1), TARGET.reshape(-1), model.softmax.kernel.numpy())
    inputs = tuple(map(tf.constant, (USER, ITEM, TARGET)))
    graph = tf.function(model, input_signature=[tuple(tf.TensorSpec([None] * x.shape.rank, x.dtype) for x in inputs)])
    for call in (model, graph):
        np.testing.assert_allclose(call(inputs).numpy().reshape(-1), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"cell": "rnn", "stationary": 2}, {"precision": "bfloat16"}], ids=str)
def test_saved_and_loaded_it_says_the_same(settings: dict[str, object], tmp_path: Path) -> None:
    model, inputs = network(**settings), tuple(map(tf.constant, (USER, ITEM, TARGET)))
    expected = model(inputs).numpy()
    twin = CollaborativeRNN.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    np.testing.assert_array_equal(twin(inputs).numpy(), expected)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(inputs).numpy(), expected)


def test_unknown_cells_and_precisions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cell should be one of .*, received 'lstm'"):
        CollaborativeRNN(2, 3, cell="lstm")
    with pytest.raises(ValueError, match=r"precision should be one of .*, received 'int8'"):
        CollaborativeRNN(2, 3, precision="int8")


@pytest.mark.slow
def test_keras_trains_all_of_it() -> None:
    model = network(stationary=2)
    before = [variable.numpy() for variable in model.trainable_variables]
    model.compile(keras.optimizers.Adam(0.05), loss=lambda target, found: -tf.reduce_mean(found))
    inputs = tuple(map(tf.constant, (USER, ITEM, TARGET)))
    history = model.fit(inputs, inputs[2], epochs=30, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]
    for variable, start in zip(model.trainable_variables, before, strict=True):
        assert (variable.numpy() != start).any(), variable.name
