"""Softmax factorisation against dense numpy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from rrn_tf.baselines.events.factorization import SoftmaxFactorization
from rrn_tf.baselines.events.softmax_network import SoftmaxNetwork, UserBatch
from rrn_tf.data.event_scores import positions_of
from rrn_tf.features import Split
from tests.events import sequences_of, uniform_events

USERS, ITEMS, FACTORS, L2 = 4, 6, 3, 0.7


def objective(values: list[np.ndarray], counts: np.ndarray, users: np.ndarray, share: float) -> float:
    U, V, b = values
    likelihood = (counts[users] * log_softmax(U[users] @ V.T + b, axis=1)).sum()
    return float(-likelihood + L2 / 2 * ((U[users] ** 2).sum() + share * (V**2).sum()))


def test_gradients_are_those_of_the_objective() -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(1.0, (USERS, ITEMS)).astype(np.float32)
    network = SoftmaxNetwork(USERS, ITEMS, FACTORS, L2, rng.standard_normal(ITEMS).astype(np.float32))
    network.assign([rng.standard_normal(value.shape).astype(np.float32) for value in network.values])
    users = np.array([3, 1])
    slot, item = np.nonzero(counts[users])
    batch = UserBatch(users, slot, item, counts[users][slot, item], np.float32(0.5))
    of_u, of_v, of_b = network.gradients(batch)
    np.testing.assert_array_equal(of_u.indices, users)
    dense_u = np.zeros((USERS, FACTORS))
    dense_u[users] = of_u.values
    values = [value.astype(np.float64) for value in network.values]
    for number, found in enumerate((dense_u, of_v.numpy(), of_b.numpy())):
        for entry in np.ndindex(found.shape):
            sides = []
            for shift in (1e-5, -1e-5):
                moved = [value.copy() for value in values]
                moved[number][entry] += shift
                sides.append(objective(moved, counts, users, 0.5))
            assert found[entry] == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-4, abs=1e-4)


def test_users_outside_the_batch_stay() -> None:
    network = SoftmaxNetwork(USERS, ITEMS, FACTORS, L2, np.zeros(ITEMS, np.float32))
    before = network.values
    one = np.ones(1, np.float32)
    network.step(UserBatch(np.array([2]), np.array([0]), np.array([4]), one, np.float32(1)), np.float32(0.01))
    moved = [(old != new).reshape(len(old), -1).any(axis=1) for old, new in zip(before, network.values, strict=True)]
    np.testing.assert_array_equal(moved[0], [False, False, True, False])
    assert moved[1].all()
    assert moved[2].all()


def test_tastes_in_common_are_found() -> None:
    """Users of two kinds take half of the items each; a user alone has seen too few events to tell."""
    rng = np.random.default_rng(0)
    items = [(rng.integers(0, 20, 20) + 20 * (user % 2) + 1).tolist() for user in range(200)]
    sequences = sequences_of(items, [(4, 4)] * 200, 40)
    model = SoftmaxFactorization(factors=4).fit(sequences)
    test = positions_of(sequences, [Split.TEST])
    found = -model.log_probabilities(sequences, test).mean()
    assert np.log(20) - 0.02 < found < np.log(20) + 0.1
    assert model.chosen is not None
    assert model.chosen.size == 4
    assert model.num_parameters == 200 * 4 + 40 * 4 + 40


def test_a_model_starts_at_the_popularity() -> None:
    sequences = uniform_events(0)
    model = SoftmaxFactorization(factors=2, l2=1e6, max_epochs=1, learning_rate=1e-9).fit(sequences)
    train = positions_of(sequences, [Split.TRAIN])
    smoothed = np.bincount(sequences.item[train], minlength=8)[1:] + 1.0
    expected = np.log(smoothed / smoothed.sum())[sequences.item[train] - 1]
    np.testing.assert_allclose(model.log_probabilities(sequences, train), expected, atol=0.05)


def test_grids_are_checked() -> None:
    with pytest.raises(ValueError, match=r"factors should be one or more values of at least 1, received \[0\]"):
        SoftmaxFactorization(factors=0)
    with pytest.raises(ValueError, match="l2 should be one or more values of at least 0"):
        SoftmaxFactorization(l2=())
