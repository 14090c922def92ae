from __future__ import annotations

import itertools

import numpy as np
import pytest

import rrn_tf.baselines.ratings.pmf as pmf
from rrn_tf.baselines.ratings import PMF, fit_pmf
from rrn_tf.data.interactions import Interactions

USERS, ITEMS = 60, 40


def low_rank(seed: int, n: int, noise: float = 0.1, mean: float = 0.0, signal: float = 1.0) -> Interactions:
    """Ratings of rank 3 plus noise."""
    fixed = np.random.default_rng(0)
    u, v = fixed.standard_normal((USERS + 1, 3)), fixed.standard_normal((ITEMS + 1, 3))
    rng = np.random.default_rng(seed)
    user, item = rng.integers(1, USERS + 1, n), rng.integers(1, ITEMS + 1, n)
    rating = mean + signal * (u[user] * v[item]).sum(1) + noise * rng.standard_normal(n)
    return Interactions(
        user.astype(np.int32), item.astype(np.int32), rating.astype(np.float32), np.zeros(n, np.int64), USERS, ITEMS
    )


def objective(rows: Interactions, u: np.ndarray, v: np.ndarray, l2: float) -> float:
    residual = rows.rating - (u[rows.user] * v[rows.item]).sum(1)
    users, items = np.bincount(rows.user, minlength=USERS + 1), np.bincount(rows.item, minlength=ITEMS + 1)
    return float((residual**2).sum() + l2 * ((users @ u**2).sum() + (items @ v**2).sum()))


def test_one_factor_by_hand() -> None:
    # One user, one item, one rating r: with l2, u = v sqrt-balanced and u v = r - l2 at the optimum.
    u, v = fit_pmf(np.array([1]), np.array([1]), np.array([4.0]), 1, 1, factors=1, l2=0.5, iterations=200)
    assert u[1, 0] * v[1, 0] == pytest.approx(3.5, rel=1e-3)
    assert abs(u[1, 0]) == pytest.approx(abs(v[1, 0]), rel=1e-3)


def test_every_sweep_lowers_the_objective_to_a_stationary_point() -> None:
    rows, l2 = low_rank(1, 900, noise=0.3), 0.05
    sweeps = pmf.iterate_pmf(rows.user, rows.item, rows.rating, USERS, ITEMS, 4, l2)
    pairs = list(itertools.islice(sweeps, 150))
    values = np.array([objective(rows, u, v, l2) for u, v in pairs])
    assert (np.diff(values) <= 1e-4 * values[:-1]).all()
    u, v = (side.astype(np.float64) for side in pairs[-1])
    # The gradient of the objective by the user factors vanishes.
    residual = rows.rating - (u[rows.user] * v[rows.item]).sum(1)
    gradient = -2 * np.stack([np.bincount(rows.user, residual * v[rows.item, k], USERS + 1) for k in range(4)], 1)
    shrinkage = 2 * l2 * np.bincount(rows.user, minlength=USERS + 1)[:, None] * u
    assert np.abs(gradient + shrinkage).max() < 0.02 * np.abs(shrinkage).max()


def test_a_low_rank_table_is_recovered() -> None:
    train, test = low_rank(1, 2000), low_rank(2, 500)
    u, v = fit_pmf(train.user, train.item, train.rating, USERS, ITEMS, factors=3, l2=1e-3, iterations=60)
    assert u.shape == (USERS + 1, 3)
    assert u.dtype == v.dtype == np.float32
    assert np.sqrt(np.mean(((u[test.user] * v[test.item]).sum(1) - test.rating) ** 2)) < 0.15


def test_unknown_and_unrated_entities_have_zero_factors() -> None:
    user, item = np.array([0, 2, 2, 3]), np.array([1, 0, 2, 2])
    u, v = fit_pmf(user, item, np.full(4, 3.0), 5, 4, factors=2, l2=0.1, iterations=3)
    assert u.any(1).tolist() == [False, False, True, True, False, False]
    assert v.any(1).tolist() == [False, False, True, False, False]


def test_blocks_and_row_order_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = low_rank(3, 700)
    shuffle = np.random.default_rng(0).permutation(700)

    def fit(order: np.ndarray) -> np.ndarray:
        taken = rows.take(order)
        u, v = fit_pmf(taken.user, taken.item, taken.rating, USERS, ITEMS, factors=3, l2=0.1, iterations=4, seed=5)
        return (u @ v.T)[1:, 1:]

    whole = fit(np.arange(700))
    np.testing.assert_allclose(fit(shuffle), whole, atol=1e-3)
    monkeypatch.setattr(pmf, "_BLOCK", 50)
    np.testing.assert_allclose(fit(np.arange(700)), whole, atol=1e-3)


def test_a_seed_repeats_and_another_differs() -> None:
    rows = low_rank(3, 300)

    def fit(seed: int) -> np.ndarray:
        return fit_pmf(rows.user, rows.item, rows.rating, USERS, ITEMS, 3, 0.1, 1, seed)[0]

    np.testing.assert_array_equal(fit(1), fit(1))
    assert (fit(1) != fit(2)).any()


def test_options_are_chosen_on_validation() -> None:
    train, valid, test = (low_rank(seed, n, noise=0.3, mean=3) for seed, n in ((1, 2500), (2, 400), (3, 400)))
    model = PMF(factors=(1, 3), l2=(10.0, 0.01), max_iterations=40).fit(train, valid)
    assert model.options is not None
    assert model.options.factors == 3
    assert model.options.l2 < 1
    assert np.sqrt(np.mean((model.predict(test.user, test.item) - test.rating) ** 2)) < 0.5
    assert model.num_parameters == 3 * (USERS + ITEMS) + 1


def test_on_noise_it_is_no_better_than_the_mean() -> None:
    train, valid, test = (low_rank(seed, 1500, noise=1.0, mean=3, signal=0) for seed in (1, 2, 3))
    model = PMF(factors=5).fit(train, valid)
    mean = np.sqrt(np.mean((train.rating.mean() - test.rating) ** 2))
    assert np.sqrt(np.mean((model.predict(test.user, test.item) - test.rating) ** 2)) > 0.99 * mean


def test_given_iterations_are_kept() -> None:
    model = PMF(factors=2, l2=0.1, iterations=4, centre=True).fit(low_rank(1, 500), low_rank(2, 100))
    assert model.options is not None
    assert (model.options.iterations, model.options.centre, model.options.l2) == (4, True, 0.1)


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        fit_pmf(np.array([1]), np.array([1, 2]), np.array([1.0]), 2, 2, 1, 0.1, 1)
    with pytest.raises(ValueError, match="should not be negative"):
        fit_pmf(np.array([1]), np.array([1]), np.array([1.0]), 2, 2, 1, -0.1, 1)
    with pytest.raises(RuntimeError, match="should be fitted"):
        PMF().predict(np.array([1]), np.array([1]))
