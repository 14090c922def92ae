"""Followed factors at any time: causal, and at the end those that training left."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rrn_tf.data.interactions import Interactions
from rrn_tf.factors.beliefs import expected_ratings
from rrn_tf.factors.filter import FactorFilter
from rrn_tf.factors.followed import FollowedScale, as_side_ratings, factors_at_random, follow_training
from rrn_tf.factors.through_time import FollowedThroughTime, were_followed
from rrn_tf.features import SIDES, Side

SCALE = FollowedScale(factor=0.1, bias=0.06, drift=0.01)
USERS, ITEMS, N = 8, 6, 150


@pytest.fixture(scope="module")
def train() -> Interactions:
    rng = np.random.default_rng(3)
    user, item = rng.integers(1, USERS + 1, N), rng.integers(1, ITEMS + 1, N)
    time = 1_000_000 + np.sort(rng.integers(0, 120, N))
    rating = 3 + np.where(user % 2, 1, -1) * np.where(item % 2, 1, -1) + 0.3 * rng.standard_normal(N)
    return Interactions(
        user.astype(np.int32), item.astype(np.int32), rating.astype(np.float32), time, num_users=USERS, num_items=ITEMS
    )


def follow(train: Interactions, seed: int = 5) -> tuple[FollowedThroughTime, np.ndarray]:
    """The factors through time, and the predictions of the training ratings as they were followed."""
    start = factors_at_random(train, {Side.USER: USERS, Side.ITEM: ITEMS}, 2, seed, SCALE)
    end = follow_training(train, start)
    filtered = FactorFilter(as_side_ratings(train), start.beliefs, int(train.timestamp.min()))
    expected, *_ = filtered.run(start.set_vectors, start.scale)
    return FollowedThroughTime(train, end.beliefs, end.scale, seed), expected


def test_training_ratings_are_predicted_as_they_were_followed(train: Interactions) -> None:
    factors, expected = follow(train)
    vectors = [
        factors.standing(side, of.astype(np.int64), train.timestamp)
        for side, of in zip(SIDES, (train.user, train.item), strict=True)
    ]
    mean = float(np.mean(train.rating, dtype=np.float64))
    np.testing.assert_allclose(expected_ratings(*vectors, mean), expected, atol=1e-4)


def test_after_training_they_are_what_training_left(train: Interactions) -> None:
    start = factors_at_random(train, {Side.USER: USERS, Side.ITEM: ITEMS}, 2, 5, SCALE)
    end = follow_training(train, start)
    factors = FollowedThroughTime(train, end.beliefs, end.scale, 5)
    for side, count in ((Side.USER, USERS), (Side.ITEM, ITEMS)):
        every = np.arange(count + 1)
        found = factors.standing(side, every, np.full(count + 1, 2_000_000))
        assert (found == end.beliefs[side].standing).all()
        assert (factors.standing(side, every[1:], np.full(count, 0)) != found[1:]).all()


def test_not_one_bit_depends_on_the_second_asked_for_or_later(train: Interactions) -> None:
    horizon = int(train.timestamp[N // 2])
    # The mean and the spread of the ratings set the scale, so they have to stay.
    later = train.timestamp >= horizon
    rating = train.rating.copy()
    rating[later] = rating[later][::-1]
    scale = factors_at_random(train, {Side.USER: USERS, Side.ITEM: ITEMS}, 2, 5, SCALE).scale
    found = []
    for of in (train, dataclasses.replace(train, rating=rating)):
        end = follow_training(of, factors_at_random(of, {Side.USER: USERS, Side.ITEM: ITEMS}, 2, 5, SCALE))
        found.append(FollowedThroughTime(train if of is train else of, end.beliefs, scale, 5))
    before, after = found
    for side, count in ((Side.USER, USERS), (Side.ITEM, ITEMS)):
        every = np.arange(1, count + 1)
        at = np.full(count, horizon)
        np.testing.assert_allclose(before.standing(side, every, at), after.standing(side, every, at), atol=1e-6)
        assert (before.standing(side, every, at + 60) != after.standing(side, every, at + 60)).any()


def test_fitted_factors_are_refused(train: Interactions) -> None:
    start = factors_at_random(train, {Side.USER: USERS, Side.ITEM: ITEMS}, 2, 5, SCALE)
    end = follow_training(train, start)
    assert were_followed(end.beliefs)
    for beliefs in end.beliefs.values():
        beliefs.set_sum[1:] = 1
    assert not were_followed(end.beliefs)
    with pytest.raises(ValueError, match="expected factors that followed the training ratings, found fitted ones"):
        FollowedThroughTime(train, end.beliefs, end.scale, 5)
