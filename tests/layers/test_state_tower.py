"""Eq. 6, beyond the shared contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from rrn_tf.config import CELLS, ConfigError, config_from_dict
from rrn_tf.features import Side
from rrn_tf.layers import StateTower
from rrn_tf.layers.cells import NAMES, recurrent_layer
from rrn_tf.layers.fused import for_any_device
from rrn_tf.models.rrn import RRN
from rrn_tf.states.entity_states import EntityStates
from tests.contracts import check_steps

B, T, D, U = 3, 5, 4, 6

pytestmark = pytest.mark.parametrize("cell", NAMES)


@pytest.fixture
def inputs(rng: np.random.Generator) -> tf.Tensor:
    return tf.constant(rng.normal(size=(B, T, D)), tf.float32)


def test_layer_equals_steps_with_gradients(cell: str, inputs: tf.Tensor) -> None:
    check_steps(StateTower(U, cell), inputs)


def test_starts_from_a_given_state(cell: str, inputs: tf.Tensor) -> None:
    tower = StateTower(U, cell)
    whole = tower(inputs)
    _, state = tower(inputs[:, :2], return_state=True)
    rest = tower(inputs[:, 2:], initial_state=state)
    np.testing.assert_allclose(rest, whole[:, 2:], rtol=1e-5, atol=1e-6)


def test_half_precision_goes_on_from_stored_states_of_single_precision(cell: str, inputs: tf.Tensor) -> None:
    tower = StateTower(U, cell, dtype="mixed_bfloat16")
    state = [tf.ones([B, U]) for _ in tower.initial_state(B)]
    output, after = tower.step(inputs[:, 0], state)
    assert {x.dtype for x in (output, *after)} == {tf.bfloat16}
    np.testing.assert_array_equal(tower(inputs[:, :1], initial_state=state)[:, 0], output)


def test_nothing_keeps_a_gpu_from_the_fused_kernel(cell: str, inputs: tf.Tensor) -> None:
    """What Keras asks of an LSTM or GRU before it takes cuDNN's; a plain RNN has no such kernel."""
    if cell not in ("lstm", "gru", "rnn"):
        return
    rnn = StateTower(U, cell).rnn
    assert type(rnn) is recurrent_layer(cell)
    assert rnn.activation is keras.activations.tanh
    assert (rnn.recurrent_dropout, rnn.unroll, rnn.use_bias) == (0, False, True)
    if cell != "rnn":
        assert rnn.recurrent_activation is keras.activations.sigmoid
    if cell == "gru":
        assert rnn.reset_after


@pytest.mark.parametrize("masked", [False, True])
def test_what_is_traced_for_any_device_is_equal_to_the_bit(cell: str, masked: bool, inputs: tf.Tensor) -> None:
    """Without a GPU the fused kernel and its gradient are not traced; they are in a model that is exported."""
    tower = StateTower(U, cell)
    tower.build(inputs.shape)
    length = tf.constant([T, 0, 3])

    def propagated(inputs: tf.Tensor) -> Any:
        if masked:  # as states are rolled, which nobody differentiates
            return tower(inputs, mask=tf.sequence_mask(length, T), return_state=True)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources := [inputs, *tower.trainable_variables])
            states = tower(inputs)
            loss = tf.reduce_sum(tf.sin(states))
        return states, tape.gradient(loss, sources)

    here = tf.function(propagated).get_concrete_function(inputs)
    with for_any_device():
        anywhere = tf.function(propagated).get_concrete_function(inputs)
    for found, expected in zip(*(tf.nest.flatten(traced(inputs)) for traced in (here, anywhere)), strict=True):
        np.testing.assert_array_equal(found, expected)
    has_kernel = ["CudnnRNN" in str(traced.graph.as_graph_def()) for traced in (here, anywhere)]
    assert has_kernel == [False, cell in ("lstm", "gru")]


def test_a_network_of_any_cell_is_configured_and_propagated(cell: str) -> None:
    sizes = config_from_dict({"model": {"cell": cell, "units": 3}}).model
    model = RRN(2, 2, cell=sizes.cell, units=3, embedding=2, dynamic_units=2, stationary=1)
    states = EntityStates.like(model, Side.USER, 2)
    assert len(states.state) == len(model.tower(Side.USER).initial_state(1))
    assert states.extrapolate(model, Side.USER, tf.constant([1, 2]), tf.zeros([2])).shape == (2, 2)


def test_configuration_and_layers_know_the_same_cells(cell: str) -> None:
    assert cell in CELLS
    assert CELLS == NAMES


def test_refuses_an_unknown_cell(cell: str) -> None:
    with pytest.raises(ValueError, match=f"should be one of .*received '{cell}x'"):
        StateTower(U, cell + "x")
    with pytest.raises(ConfigError, match=f"should be one of gru, .*found '{cell}x'"):
        config_from_dict({"model": {"cell": cell + "x"}})
