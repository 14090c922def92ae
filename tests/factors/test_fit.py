"""Bayesian factors: planted ones are found, sets tell what ratings do not, noise has none; the equations hold."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rrn_tf.factors import FittedFactors, fit_factors
from rrn_tf.factors.beliefs import expected_ratings
from rrn_tf.features import SIDES, Side

USERS, ITEMS = 150, 60


def fitted(rating_of: str, rng: np.random.Generator) -> tuple[FittedFactors, np.ndarray, np.ndarray, np.ndarray]:
    """A fit to ratings that are planted products of two factors with biases and noise, or noise alone."""
    user, item = np.divmod(rng.choice(USERS * ITEMS, 4_000, replace=False), ITEMS)
    planted = np.einsum("uk,ik->ui", rng.normal(size=(USERS, 2)), rng.normal(size=(ITEMS, 2)))
    planted += rng.normal(size=(USERS, 1)) + rng.normal(size=ITEMS)
    rating = 3 + rng.normal(size=len(user)) + (planted[user, item] if rating_of == "factors" else 0)
    sweeps = fit_factors(user + 1, item + 1, rating, (USERS, ITEMS), factors=4)
    return next(itertools.islice(sweeps, 19, None)), planted, user, item


def said(fit: FittedFactors) -> np.ndarray:
    users, items = np.divmod(np.arange(USERS * ITEMS), ITEMS)
    standing = {side: fit.beliefs[side].standing for side in SIDES}
    found = expected_ratings(standing[Side.USER][users + 1], standing[Side.ITEM][items + 1], 0.0)
    return found.reshape(USERS, ITEMS)


def test_planted_factors_are_found(rng: np.random.Generator) -> None:
    fit, planted, user, item = fitted("factors", rng)
    unseen = np.ones((USERS, ITEMS), bool)
    unseen[user, item] = False
    centred = planted - planted[user, item].mean()
    assert np.mean((centred - said(fit))[unseen] ** 2) < 0.2 * np.mean(centred[unseen] ** 2)
    assert fit.scale.noise == pytest.approx(1, abs=0.2)
    for side in SIDES:
        beliefs, prior = fit.beliefs[side], fit.scale.prior(side)
        assert not beliefs.mean[0].any()
        np.testing.assert_allclose(beliefs.variance[0], prior, rtol=1e-5)
        assert (beliefs.variance[1:] < prior).all()
        np.testing.assert_array_equal(
            beliefs.set_count, np.bincount((user if side is Side.USER else item) + 1, minlength=len(beliefs.mean))
        )


def test_noise_says_next_to_nothing(rng: np.random.Generator) -> None:
    fit, *_ = fitted("noise", rng)
    assert np.std(said(fit)) < 0.3


def test_whom_one_has_met_tells_what_a_single_rating_does_not(rng: np.random.Generator) -> None:
    """Two kinds of users, who rate two kinds of items: all say the same of what they rate, and less of the rest."""
    kind, items = rng.integers(0, 2, USERS), np.arange(ITEMS)
    pairs = [(u, i) for u in range(USERS) for i in rng.permutation(items[items % 2 == kind[u]])[:6]]
    strangers = [(u, int(rng.choice(items[items % 2 != kind[u]]))) for u in range(0, USERS, 2)]
    user, item = np.array(pairs + strangers).T
    rating = np.where(item % 2 == kind[user], 4.0, 2.0) + rng.normal(0, 0.3, len(user))
    fit = next(itertools.islice(fit_factors(user + 1, item + 1, rating, (USERS, ITEMS), factors=2), 19, None))
    found = fit.scale.mean + said(fit)
    # Users of whom no rating of the other kind is known.
    loyal = np.arange(1, USERS, 2)
    away = items % 2 != kind[loyal, np.newaxis]
    assert found[loyal][~away].mean() - found[loyal][away].mean() > 1


def test_a_sweep_solves_the_ridge_regression_of_own_and_set_parts(rng: np.random.Generator) -> None:
    """The first users' solve against one dense least-squares problem over all own and set vectors."""
    from rrn_tf.factors.fit import _SideFit

    users, items, factors, width = 6, 5, 2, 3
    user, item = np.divmod(rng.choice(users * items, 17, replace=False), items)
    side = _SideFit(user, item, users, items, factors, rng)
    side.prior, side.set_prior = (rng.uniform(0.2, 1, width).astype(np.float32) for _ in range(2))
    standing = rng.normal(size=(items, width)).astype(np.float32)
    target = rng.normal(size=len(user)).astype(np.float32)
    for _ in range(40):
        side.solve(standing, np.zeros((items, width, width), np.float32), target, np.float32(0.5))
    vector = np.concatenate([standing[item, :-1], np.ones((len(item), 1))], axis=1)
    met = np.zeros((users, items))
    met[user, item] = 1
    met /= np.sqrt(np.maximum(met.sum(axis=1, keepdims=True), 1))
    own = np.einsum("nu,nk->nuk", np.eye(users)[user], vector).reshape(len(user), -1)
    sets = np.einsum("ni,nk->nik", met[user], vector).reshape(len(user), -1)
    ridge = np.diag(np.concatenate([np.tile(side.prior**-0.5, users), np.tile(side.set_prior**-0.5, items)]))
    design = np.concatenate([np.concatenate([own, sets], axis=1) / np.sqrt(0.5), ridge])
    found = np.linalg.lstsq(design, np.append(target / np.sqrt(0.5), np.zeros(len(ridge))), rcond=None)[0]
    np.testing.assert_allclose(side.own.ravel(), found[: users * width], rtol=5e-3, atol=3e-3)
    np.testing.assert_allclose(side.set_vectors.ravel(), found[users * width :], rtol=5e-3, atol=3e-3)


@pytest.mark.parametrize(("count", "factors", "message"), [(0, 2, "received none"), (3, 0, "at least 1, received 0")])
def test_refuses_what_cannot_be_fitted(count: int, factors: int, message: str) -> None:
    ones = np.ones(count, np.int64)
    with pytest.raises(ValueError, match=message):
        next(fit_factors(ones, ones, np.ones(count), (1, 1), factors))
