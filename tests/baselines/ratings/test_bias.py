from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.baselines.ratings import Baseline, GlobalMean, UserItemBias
from rrn_tf.data.interactions import Interactions


def table(user: list[int], item: list[int], rating: list[float], users: int = 3, items: int = 3) -> Interactions:
    return Interactions(
        np.array(user, np.int32),
        np.array(item, np.int32),
        np.array(rating, np.float32),
        np.zeros(len(user), np.int64),
        users,
        items,
    )


def additive(seed: int, n: int, noise: float = 0.1) -> Interactions:
    """Ratings that are a sum of biases, of 50 users and 30 items."""
    fixed = np.random.default_rng(0)
    user_bias, item_bias = fixed.standard_normal(51), fixed.standard_normal(31)
    rng = np.random.default_rng(seed)
    user, item = rng.integers(1, 51, n), rng.integers(1, 31, n)
    rating = 3 + user_bias[user] + item_bias[item] + noise * rng.standard_normal(n)
    return Interactions(
        user.astype(np.int32), item.astype(np.int32), rating.astype(np.float32), np.zeros(n, np.int64), 50, 30
    )


EMPTY = table([], [], [], 50, 30)


def error(model: Baseline, rows: Interactions) -> float:
    return float(np.sqrt(np.mean((model.predict(rows.user, rows.item, rows.timestamp) - rows.rating) ** 2)))


def test_global_mean() -> None:
    model = GlobalMean().fit(table([1, 2], [1, 1], [2.0, 5.0]))
    np.testing.assert_array_equal(model.predict(np.array([0, 1]), np.array([1, 3])), np.float32([3.5, 3.5]))


def test_biases_by_hand() -> None:
    # One item, so without an item bias b_u = (r - 3) n / (n + 1).
    train = table([1, 1, 2, 2], [1, 1, 1, 1], [4.0, 4.0, 2.0, 2.0])
    model = UserItemBias(user_l2=1.0, item_l2=1e9).fit(train, table([], [], []))
    np.testing.assert_allclose(
        model.predict(np.array([1, 2, 3, 0]), np.array([1, 1, 1, 0])), [3 + 2 / 3, 3 - 2 / 3, 3, 3], atol=1e-5
    )
    assert model.num_parameters == 3 + 3 + 1


def test_biases_are_recovered_and_options_chosen_on_validation() -> None:
    model = UserItemBias(user_l2=(0.1, 500.0), item_l2=(500.0, 0.1)).fit(additive(1, 3000), additive(2, 500))
    assert (model.user_l2, model.item_l2) == (0.1, 0.1)
    assert error(model, additive(3, 500)) < 0.12


def test_biases_minimise_their_objective() -> None:
    train = additive(4, 400, noise=1.0)
    model = UserItemBias(2.0, 3.0, max_iterations=500, tolerance=1e-7).fit(train, EMPTY)
    design = np.zeros((len(train), 80))
    design[np.arange(len(train)), train.user - 1] = 1
    design[np.arange(len(train)), 50 + train.item - 1] = 1
    penalty = np.diag([2.0] * 50 + [3.0] * 30)
    mean = train.rating.mean()
    biases = np.linalg.solve(design.T @ design + penalty, design.T @ (train.rating - mean))
    np.testing.assert_allclose(model.predict(train.user, train.item), mean + design @ biases, rtol=1e-3, atol=1e-3)


def test_rows_of_the_unknown_leave_its_bias_at_zero() -> None:
    model = UserItemBias(0.0, 0.0).fit(table([0, 0, 1], [1, 0, 2], [5.0, 5.0, 2.0]), table([], [], []))
    assert model.predict(np.array([0]), np.array([0])) == pytest.approx(4.0)


def test_an_empty_or_negative_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        UserItemBias(user_l2=())
    with pytest.raises(ValueError, match="at least 0"):
        UserItemBias(item_l2=-1.0)
