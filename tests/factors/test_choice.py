"""Static tastes are fitted, those that drift fast are followed; what followed saw is all of training and no more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rrn_tf.data.interactions import Interactions
from rrn_tf.data.rows import SideRatings
from rrn_tf.data.synthetic import SyntheticConfig, generate
from rrn_tf.factors.choice import ChosenFactors, choose_factors
from rrn_tf.factors.filter import FactorFilter
from rrn_tf.factors.followed import FollowedScale, as_side_ratings, factors_at_random, follow_training
from rrn_tf.features import SIDES, Side
from rrn_tf.slow_work import Amount, heard_by

USERS, ITEMS, FACTORS, ALL, TRAIN = 100, 80, 3, 4_000, 3_200
ENTITIES = {Side.USER: USERS, Side.ITEM: ITEMS}
MADE = SyntheticConfig(users=USERS, items=ITEMS, ratings=ALL, days=400, late_users=0, late_items=0, noise=0.3)


def _ratings(*, drift: float) -> Interactions:
    made = generate(SyntheticConfig(**{**vars(MADE), "drift": drift, "drift_days": 100.0}))
    return Interactions(made.user + 1, made.item + 1, made.rating, made.timestamp, USERS, ITEMS)


def _chosen(ratings: Interactions) -> ChosenFactors:
    rows = np.arange(len(ratings))
    later = as_side_ratings(ratings.take(rows[TRAIN:]))
    return choose_factors(ratings.take(rows[:TRAIN]), later, np.ones(ALL - TRAIN, bool), ENTITIES, FACTORS)


@pytest.mark.slow
@pytest.mark.parametrize(("drift", "followed"), [(0.0, False), (1.0, True)])
def test_tastes_that_drift_are_followed(drift: float, followed: bool) -> None:
    chosen = _chosen(_ratings(drift=drift))
    assert (chosen.sweeps == 0) == followed
    assert np.isfinite([chosen.frozen_rmse, chosen.streaming_rmse]).all()


@pytest.mark.slow
def test_ratings_that_are_all_the_same_are_foreseen() -> None:
    ratings = _ratings(drift=0.0)
    chosen = _chosen(replace(ratings, rating=np.full_like(ratings.rating, 4)))
    assert chosen.frozen_rmse == pytest.approx(0, abs=1e-5)
    assert chosen.streaming_rmse == pytest.approx(0, abs=1e-5)


def test_without_validation_ratings_factors_are_fitted() -> None:
    train = _ratings(drift=1.0)
    heard: list[tuple[str, Amount | None]] = []
    with heard_by(lambda *what: heard.append(what)):
        chosen = choose_factors(train, SideRatings.empty(), np.empty(0, bool), ENTITIES, FACTORS)
    assert chosen.sweeps > 0
    assert ("sweeps of the factors, at most", Amount(chosen.sweeps, chosen.sweeps)) in heard
    assert heard[-1] == ("sweeps of the factors, at most", None)
    assert chosen.fitted.scale.drift > 0


def test_what_follows_training_goes_on_as_one_pass() -> None:
    """Factors at the end of training foresee later ratings as a filter over both does."""
    ratings, rows = _ratings(drift=1.0), np.arange(ALL)
    train, later = ratings.take(rows[:TRAIN]), ratings.take(rows[TRAIN:])
    start = factors_at_random(train, ENTITIES, FACTORS, 0, FollowedScale(0.1, 0.1, 0.03))
    left = follow_training(train, start)
    assert not any(left.beliefs[side].moved.any() for side in SIDES)
    both = FactorFilter(as_side_ratings(ratings), start.beliefs, int(train.timestamp.min()))
    alone = FactorFilter(as_side_ratings(later), left.beliefs, int(train.timestamp.max()) + 1)
    whole = both.run(start.set_vectors, start.scale)[0]
    np.testing.assert_allclose(alone.run(left.set_vectors, left.scale)[0], whole[TRAIN:], rtol=1e-4, atol=1e-4)
