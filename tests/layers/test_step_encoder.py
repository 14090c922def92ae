"""Eq. 5."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers import StepEncoder
from tests.contracts import check_config_round_trip, check_graph_equals_eager, check_reloads, numeric_gradient

B, T, N, M, D = 3, 4, 11, 6, 5


@pytest.fixture
def layer() -> StepEncoder:
    layer = StepEncoder(M, D)
    layer.build(None)
    layer.set_weights([np.random.default_rng(1).normal(size=w.shape).astype(np.float32) for w in layer.get_weights()])
    return layer


@pytest.fixture
def inputs(rng: np.random.Generator) -> tuple[tf.Tensor, ...]:
    return (
        tf.constant(rng.integers(0, M + 1, N), tf.int32),
        tf.constant(rng.normal(size=N), tf.float32),
        tf.constant(rng.integers(-1, B * T, N), tf.int32),
        tf.constant(rng.normal(size=(B, T, 3)), tf.float32),
    )


def test_is_one_matrix_applied_to_the_dense_vector_of_the_paper(layer: StepEncoder, inputs: tuple) -> None:
    """W_embed [x_t, newbie, tau_t, tau_{t-1}] with x_t written out."""
    opposite, rating, slot, context = (x.numpy() for x in inputs)
    dense = np.zeros((B * T, M + 1), np.float64)
    for j, r, s in zip(opposite, rating, slot, strict=True):
        if s >= 0:
            dense[s, j] += r
    stacked = np.concatenate([dense, context.reshape(B * T, 3)], axis=1)
    w_embed = np.concatenate([layer.embedding.numpy(), layer.context_kernel.numpy()])
    np.testing.assert_allclose(layer(inputs).numpy().reshape(B * T, D), stacked @ w_embed, rtol=1e-5, atol=1e-5)


def test_gradients_equal_finite_differences(layer: StepEncoder, inputs: tuple) -> None:
    weight = tf.random.normal([B, T, D], seed=3)

    def loss() -> tf.Tensor:
        return tf.reduce_sum(layer(inputs) * weight)

    with tf.GradientTape() as tape:
        value = loss()
    for variable, gradient in zip(
        layer.trainable_variables, tape.gradient(value, layer.trainable_variables), strict=True
    ):
        numeric = numeric_gradient(lambda: float(loss()), variable)
        np.testing.assert_allclose(tf.convert_to_tensor(gradient), numeric, rtol=1e-2, atol=1e-2)


def test_gradient_touches_only_the_entities_that_were_rated(layer: StepEncoder, inputs: tuple) -> None:
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(inputs))
    gradient = tape.gradient(loss, layer.embedding)
    assert isinstance(gradient, tf.IndexedSlices)
    assert set(gradient.indices.numpy()) <= set(inputs[0].numpy())


def test_graph_with_unknown_batch_and_time(layer: StepEncoder, inputs: tuple) -> None:
    check_graph_equals_eager(layer.call, inputs)


def test_config_and_reloads(inputs: tuple, tmp_path: Path) -> None:
    check_config_round_trip(StepEncoder(M, D, name="encoder"))
    feeds = tuple(keras.Input(x.shape[1:], dtype=x.dtype) for x in inputs)
    check_reloads(keras.Model(feeds, StepEncoder(M, D)(feeds)), inputs, tmp_path)


def test_mixed_precision(inputs: tuple) -> None:
    layer = StepEncoder(M, D, dtype="mixed_bfloat16")
    assert layer(inputs).dtype == tf.bfloat16
    assert layer.embedding.dtype == tf.float32


@pytest.mark.parametrize(("opposite", "units"), [(-1, 2), (3, 0)])
def test_refuses_impossible_sizes(opposite: int, units: int) -> None:
    with pytest.raises(ValueError, match="should be"):
        StepEncoder(opposite, units)
