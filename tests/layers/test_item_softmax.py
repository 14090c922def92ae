"""The softmax over items, beyond the shared contract."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.layers import ItemSoftmax, softmax_tiles
from tests.collaborative_reference import log_likelihoods, log_probabilities

ITEMS, UNITS, N = 50, 4, 100


@pytest.fixture
def softmax(rng: np.random.Generator) -> ItemSoftmax:
    layer = ItemSoftmax(ITEMS, UNITS, dtype="float64")
    layer.build(None)
    layer.set_weights([rng.normal(size=(UNITS, ITEMS))])
    return layer


@pytest.fixture
def states(rng: np.random.Generator) -> tf.Tensor:
    return tf.constant(rng.normal(size=(N, UNITS)))


@pytest.fixture
def target(rng: np.random.Generator) -> tf.Tensor:
    return tf.constant(rng.integers(0, ITEMS + 1, N))


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(softmax_tiles, "TILE_BYTES", 1)  # leaves 4 rows a unit


def gradients(softmax: ItemSoftmax, states: tf.Tensor, loss: Callable[[], tf.Tensor]) -> list[np.ndarray]:
    with tf.GradientTape() as tape:
        tape.watch(states)
        value = loss()
    return [value.numpy(), *(g.numpy() for g in tape.gradient(value, [states, softmax.kernel]))]


@pytest.mark.usefixtures("small_tiles")
def test_tiles_and_the_single_pass_give_the_gradients_of_the_plain_softmax(
    softmax: ItemSoftmax, states: tf.Tensor, target: tf.Tensor, rng: np.random.Generator
) -> None:
    weight = tf.constant(rng.normal(size=N))

    def plain() -> tf.Tensor:
        place = tf.stack([tf.range(N, dtype=target.dtype), tf.maximum(target - 1, 0)], axis=1)
        found = tf.gather_nd(tf.nn.log_softmax(states @ softmax.kernel), place)
        return tf.reduce_sum(tf.where(target > 0, found * weight, 0.0))

    expected = gradients(softmax, states, plain)
    tiled = gradients(softmax, states, lambda: tf.reduce_sum(softmax((states, target)) * weight))
    single = gradients(softmax, states, lambda: 2.0 * softmax.weighted_sum(states, target, weight / 2.0))
    sampled_all = gradients(
        softmax, states, lambda: tf.reduce_sum(softmax.sampled(states, target, ITEMS, tf.constant([1, 2])) * weight)
    )
    for found in (tiled, single, sampled_all):
        for left, right in zip(found, expected, strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-12)


def test_kept_probabilities_give_the_gradients_of_the_plain_softmax(
    softmax: ItemSoftmax, states: tf.Tensor, rng: np.random.Generator
) -> None:
    weight, target = tf.constant(rng.normal(size=N)), tf.constant(rng.integers(1, ITEMS + 1, N), tf.int32)
    place = tf.stack([tf.range(N), target - 1], axis=1)

    def plain() -> tf.Tensor:
        return tf.reduce_sum(weight * tf.gather_nd(tf.nn.log_softmax(states @ softmax.kernel), place))

    def kept() -> tf.Tensor:
        rows = tf.transpose(softmax.kernel)
        return tf.reduce_sum(weight * softmax_tiles.kept_log_likelihood(states, rows, target, tf.float64))

    for left, right in zip(*(gradients(softmax, states, loss) for loss in (kept, plain)), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-12)


def test_sums_without_a_real_row_are_zero(softmax: ItemSoftmax, states: tf.Tensor) -> None:
    padding = tf.zeros([N], tf.int32)
    found = gradients(softmax, states, lambda: softmax.weighted_sum(states, padding, tf.ones([N], tf.float64)))
    assert not any(np.any(x) for x in found)


def test_improbable_items_keep_their_digits() -> None:
    softmax = ItemSoftmax(2, 1)
    softmax.build(None)
    softmax.set_weights([np.array([[0.0, 1.0]])])
    found = softmax((tf.constant([[50.0], [200.0], [-200.0]]), tf.constant([1, 1, 1])))
    np.testing.assert_allclose(found, [-50.0, -200.0, 0.0], rtol=1e-6)


@pytest.mark.parametrize("offset", [0.0, 200.0, -200.0, -50.0])
def test_exponentials_beyond_single_precision_give_the_exact_sum_and_its_gradients(
    offset: float, states: tf.Tensor, target: tf.Tensor, rng: np.random.Generator
) -> None:
    kernel, weight = rng.normal(size=(UNITS, ITEMS)), rng.uniform(size=N)
    kernel[0] += offset  # with a first state of 1, added to all logits
    states = tf.concat([tf.ones([N, 1], tf.float64), states[:, 1:]], axis=1)
    found = {}
    for dtype in ("float32", "float64"):
        softmax = ItemSoftmax(ITEMS, UNITS, dtype=dtype)
        softmax.build(None)
        softmax.set_weights([kernel])
        inputs, weights = tf.cast(states, dtype), tf.constant(weight, dtype)
        found[dtype] = gradients(softmax, inputs, partial(softmax.weighted_sum, inputs, target, weights))
    for single, double in zip(found["float32"], found["float64"], strict=True):
        np.testing.assert_allclose(single, double, rtol=1e-4, atol=3e-4)


def test_sampling_estimates_the_partition_sum_without_bias(
    softmax: ItemSoftmax, states: tf.Tensor, target: tf.Tensor
) -> None:
    exact = log_likelihoods(states.numpy(), target.numpy(), softmax.kernel.numpy())
    found = [softmax.sampled(states, target, 20, tf.constant([7, trial])).numpy() for trial in range(400)]
    ratio = np.exp(exact - found)[:, target > 0]
    standard_error = ratio.std(axis=0) / np.sqrt(len(ratio))
    assert standard_error.min() > 0
    assert (np.abs(ratio.mean(axis=0) - 1) / standard_error).max() < 4
    # One seed gives one draw.
    draws = [softmax.sampled(states, target, 20, tf.constant([7, 1])).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*draws)


def test_probabilities_and_the_best_items(softmax: ItemSoftmax, states: tf.Tensor) -> None:
    expected = np.stack([log_probabilities(h, softmax.kernel.numpy()) for h in states.numpy()])
    np.testing.assert_allclose(softmax.log_probabilities(states), expected, rtol=1e-6)
    item, found = softmax.top_k(states[:3], 5)
    np.testing.assert_array_equal(item, np.argsort(-expected[:3], axis=1)[:, :5] + 1)
    np.testing.assert_allclose(found, -np.sort(-expected[:3], axis=1)[:, :5], rtol=1e-6)


def test_half_precision_gives_a_float32_sum_near_the_exact_one(states: tf.Tensor, target: tf.Tensor) -> None:
    sums = []
    for dtype in ("float32", "mixed_bfloat16"):
        softmax = ItemSoftmax(ITEMS, UNITS, dtype=dtype)
        softmax.build(None)
        softmax.set_weights([np.random.default_rng(3).normal(size=(UNITS, ITEMS))])
        sums.append(softmax.weighted_sum(tf.cast(states, tf.float32), target, tf.fill([N], 1 / N)))
        assert sums[-1].dtype == tf.float32
    np.testing.assert_allclose(sums[1], sums[0], rtol=3e-3)


def test_refuses_a_catalogue_without_items() -> None:
    with pytest.raises(ValueError, match="num_items and units should be >= 1, received 0 and 3"):
        ItemSoftmax(0, 3)
