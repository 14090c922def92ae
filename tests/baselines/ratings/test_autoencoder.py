"""AutoRec's network against dense numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rrn_tf.baselines.ratings.autoencoder import AdamSteps, Autoencoder
from rrn_tf.baselines.ratings.sparse_rows import SparseRows
from rrn_tf.data.interactions import Interactions
from rrn_tf.features import SIDES, Side

USERS, ITEMS, HIDDEN, L2 = 7, 5, 3, 0.7


def table(rng: np.random.Generator) -> Interactions:
    """About half of all pairs; item 5 is never rated."""
    user, item = np.nonzero(rng.random((USERS, ITEMS - 1)) < 0.5)
    rating = rng.normal(size=len(user)).astype(np.float32)
    return Interactions(
        (user + 1).astype(np.int32), (item + 1).astype(np.int32), rating, np.zeros(len(user), np.int64), USERS, ITEMS
    )


def dense(ratings: Interactions, side: Side) -> tuple[np.ndarray, np.ndarray]:
    """The matrix, zero where nothing is observed, and which entries are."""
    matrix, observed = np.zeros((USERS + 1, ITEMS + 1)), np.zeros((USERS + 1, ITEMS + 1), bool)
    matrix[ratings.user, ratings.item], observed[ratings.user, ratings.item] = ratings.rating, True
    return (matrix, observed) if side is Side.USER else (matrix.T, observed.T)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def reconstruct(weights: Sequence[np.ndarray], r: np.ndarray) -> np.ndarray:
    """h(r) = W g(V r + mu) + b for every row of r."""
    V, mu, W, b = weights
    return sigmoid(r @ V + mu) @ W.T + b


def objective(weights: Sequence[np.ndarray], r: np.ndarray, observed: np.ndarray) -> float:
    V, _, W, _ = weights
    return float((((reconstruct(weights, r) - r) * observed) ** 2).sum() + L2 / 2 * ((V**2).sum() + (W**2).sum()))


def network_of(ratings: Interactions, side: Side, rng: np.random.Generator) -> tuple[SparseRows, Autoencoder]:
    """A network whose weights are all at work; those of unrated columns stay zero."""
    rows = SparseRows(ratings, side)
    network = Autoencoder(rows, HIDDEN, L2)
    rated = rows.column_count > 0
    network.assign(
        [
            rng.normal(size=w.shape) * (rated.reshape(-1, *[1] * (w.ndim - 1)) if len(w) > 1 else 1)
            for w in network.values
        ]
    )
    return rows, network


@pytest.mark.parametrize("side", SIDES)
def test_forward_pass_is_the_equation(side: Side, rng: np.random.Generator) -> None:
    ratings = table(rng)
    rows, network = network_of(ratings, side, rng)
    r, _ = dense(ratings, side)
    chosen = np.array([3, 1, 0, 4])
    hidden = network.encode(rows.batch(chosen))
    slot, column = (index.ravel() for index in np.indices((len(chosen), rows.num_columns)))
    found = network.decode(hidden, slot, column).numpy().reshape(len(chosen), -1)
    np.testing.assert_allclose(found, reconstruct(network.values, r)[chosen], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("side", SIDES)
def test_gradients_of_an_epoch_are_those_of_the_objective(side: Side, rng: np.random.Generator) -> None:
    ratings = table(rng)
    rows, network = network_of(ratings, side, rng)
    weights = [value.astype(np.float64) for value in network.values]
    total = [np.zeros_like(weight) for weight in weights]
    for batch in np.array_split(np.arange(1, rows.num_rows), 3):
        for sum_, gradient in zip(total, network.gradients(rows.batch(batch)), strict=True):
            np.add.at(sum_, np.asarray(gradient.indices), gradient.values.numpy())
    for weight, found in zip(weights, total, strict=True):
        for place in np.ndindex(weight.shape):
            kept, ends = weight[place], []
            for step in (1e-5, -1e-5):
                weight[place] = kept + step
                ends.append(objective(weights, *dense(ratings, side)))
            weight[place] = kept
            assert found[place] == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=2e-4, rel=1e-4)


def test_steps_are_adams_on_the_columns_of_the_batch(rng: np.random.Generator) -> None:
    ratings = table(rng)
    rows, network = network_of(ratings, Side.USER, rng)
    adam, batches = AdamSteps(network), [rows.batch(np.array(chosen)) for chosen in ([1, 2], [3], [1, 4])]
    weights = [value.astype(np.float64) for value in network.values]
    moments = [(np.zeros_like(weight), np.zeros_like(weight)) for weight in weights]
    for t, batch in enumerate(batches, start=1):
        gradients = network.gradients(batch)
        adam.step(batch, np.float32(0.01))
        for weight, (m, v), gradient in zip(weights, moments, gradients, strict=True):
            at, g = np.asarray(gradient.indices), gradient.values.numpy()
            m[at] = 0.9 * m[at] + 0.1 * g
            v[at] = 0.999 * v[at] + 0.001 * g**2
            weight[at] -= 0.01 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m[at] / (np.sqrt(v[at]) + 1e-7)
    for found, expected in zip(network.values, weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_starts_at_zero_and_never_moves_what_has_no_ratings(rng: np.random.Generator) -> None:
    rows = SparseRows(table(rng), Side.USER)
    network = Autoencoder(rows, HIDDEN, L2, seed=1)
    adam, every = AdamSteps(network), rows.batch(np.arange(rows.num_rows))
    first = network.decode(network.encode(every), np.arange(rows.num_rows), np.ones(rows.num_rows, np.int64))
    assert not first.numpy().any()
    for _ in range(2):  # while W is zero, V has no gradient
        adam.step(every, np.float32(0.1))
    V, mu, W, b = network.values
    assert mu.any()
    for weight in (V, W, b):
        assert not weight[[0, ITEMS]].any()
        assert weight[1:ITEMS].any()
