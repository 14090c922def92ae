"""Eq. 7: stationary factors and the emission, beyond the shared contract."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.layers import RatingEmission, StationaryFactors


@pytest.fixture
def inputs(rng: np.random.Generator) -> tuple[tf.Tensor, ...]:
    return tuple(tf.constant(rng.normal(size=(7, width)), tf.float32) for width in (4, 4, 3, 3))


def test_emission_by_hand() -> None:
    layer = RatingEmission(2)
    layer.build((tf.TensorShape([None, 2]),) * 2 + (tf.TensorShape([None, 1]),) * 2)
    layer.user_projection.set_weights([np.diag([1.0, 2.0]), np.array([1.0, 0.0])])
    layer.item_projection.set_weights([np.diag([3.0, 1.0]), np.array([0.0, -1.0])])
    # user (2, 3) -> (3, 6); item (1, 4) -> (3, 3); 3 * 3 + 6 * 3 + 2 * 5
    states = tf.constant([[2.0, 3.0]]), tf.constant([[1.0, 4.0]])
    assert layer((*states, tf.constant([[2.0]]), tf.constant([[5.0]]))).numpy().tolist() == [37.0]


def test_emission_is_one_inner_product(inputs: tuple) -> None:
    """<u~, m~> + <u, m> = <[u~; u], [m~; m]>: what a top-K index takes."""
    layer = RatingEmission(5)
    expected = layer(inputs)
    user = tf.concat([layer.user_projection(inputs[0]), inputs[2]], 1)
    item = tf.concat([layer.item_projection(inputs[1]), inputs[3]], 1)
    np.testing.assert_allclose(tf.reduce_sum(user * item, 1), expected, rtol=1e-5)


@pytest.mark.parametrize("place", [0, 1])
def test_emission_refuses_shapes_that_would_broadcast(place: int) -> None:
    shapes = [[7, 3], [7, 3], [7, 2], [7, 2]]
    shapes[2 * place + 1][0] = 1
    with pytest.raises(ValueError, match="one shape"):
        RatingEmission.combine(*(tf.ones(shape) for shape in shapes))


def test_unknown_entity_has_zero_factors_that_never_move() -> None:
    layer = StationaryFactors(4, 3)
    index = tf.constant([0, 2, 0])
    with tf.GradientTape() as tape:
        rows = layer(index)
        loss = tf.reduce_sum(rows)
    assert not rows[0].numpy().any()
    gradient = tf.convert_to_tensor(tape.gradient(loss, layer.table)).numpy()
    assert gradient[2].tolist() == [1, 1, 1]
    assert not np.delete(gradient, 2, axis=0).any()
