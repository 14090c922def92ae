"""Baselines of the streaming protocol: against a loop written out, and what they may not see."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rrn_tf.baselines.ratings.causal_batches import rounds_of
from rrn_tf.baselines.ratings.online_bias import OnlineBias
from rrn_tf.baselines.ratings.online_factors import OnlineFactors
from rrn_tf.baselines.ratings.protocol import OnlineBaseline
from rrn_tf.data.interactions import Interactions

DAY = 86_400
USERS, ITEMS = 15, 10


def drifting(seed: int, n: int, begin: int, noise: float = 0.5) -> Interactions:
    """Ratings of users and items whose biases swing, several at most of the timestamps."""
    rng = np.random.default_rng(seed)
    user, item = rng.integers(1, USERS + 1, n), rng.integers(1, ITEMS + 1, n)
    time = begin + rng.integers(0, n // 3, n)
    rating = 3 + np.sin(user + time / 80) + np.cos(2.0 * item) + noise * rng.standard_normal(n)
    return Interactions(
        user.astype(np.int32), item.astype(np.int32), rating.astype(np.float32), time * DAY // 4, USERS, ITEMS
    )


TRAIN, VALID, LATER = drifting(0, 600, 0), drifting(1, 150, 200), drifting(2, 200, 200)
EMPTY = TRAIN.take(np.arange(0))
MODELS: list[Callable[[], OnlineBaseline]] = [OnlineBias, lambda: OnlineFactors(factors=5, rate=(0.1, 0.3))]
each_model = pytest.mark.parametrize("make", MODELS, ids=["bias", "factors"])


@pytest.mark.parametrize("seed", range(5))
def test_rounds_follow_time_and_keep_timestamps_together(seed: int) -> None:
    ratings = drifting(seed, 120, 0)
    number = np.empty(len(ratings), int)
    rounds = rounds_of(ratings)
    for at, rows in enumerate(rounds):
        number[rows] = at
    assert sorted(np.concatenate(rounds)) == list(range(len(ratings)))
    time = ratings.timestamp
    for at in range(len(ratings)):
        assert len(set(number[time == time[at]])) == 1
        before = (time < time[at]) & ((ratings.user == ratings.user[at]) | (ratings.item == ratings.item[at]))
        assert (number[before] < number[at]).all()
    assert len(rounds) < len(np.unique(time)), "some timestamps should share a round"
    assert rounds_of(EMPTY) == []


def filtered(
    ratings: Interactions, user_variance: float, item_variance: float, each: float, daily: float
) -> list[float]:
    """The Kalman filters of `OnlineBias` written out, with the posterior of a timestamp's ratings in one step."""
    mean = float(TRAIN.rating.mean())
    known: dict[tuple[str, int], tuple[float, float, float]] = {}
    predicted = [0.0] * len(ratings)
    for time in np.unique(ratings.timestamp):
        rows = [int(row) for row in np.flatnonzero(ratings.timestamp == time)]
        prior: dict[tuple[str, int], tuple[float, float]] = {}
        seen: dict[tuple[str, int], list[tuple[float, float]]] = {}
        pairs = {row: (("user", int(ratings.user[row])), ("item", int(ratings.item[row]))) for row in rows}
        for row in rows:
            for key in pairs[row]:
                most = user_variance if key[0] == "user" else item_variance
                bias, variance, last = known.get(key, (0.0, most, time))
                prior[key] = (bias, min(variance + each + daily * (time - last) / DAY, most))
            predicted[row] = mean + sum(prior[key][0] for key in pairs[row])
        for row in rows:
            for key, other in (pairs[row], pairs[row][::-1]):
                seen.setdefault(key, []).append((ratings.rating[row] - predicted[row], 1 + prior[other][1]))
        for key, said in seen.items():
            bias, variance = prior[key]
            variance = 1 / (1 / variance + sum(1 / of for _, of in said))
            known[key] = (bias + variance * sum(surprise / of for surprise, of in said), variance, time)
    return predicted


@pytest.mark.parametrize("options", [(0.3, 0.2, 0.0, 0.0), (0.3, 0.2, 0.01, 0.0), (0.1, 0.5, 0.001, 0.02)])
def test_biases_equal_the_filters_written_out(options: tuple[float, float, float, float]) -> None:
    model = OnlineBias(*options).fit(TRAIN, EMPTY)
    both = Interactions(
        *(
            np.concatenate([getattr(part, name) for part in (TRAIN, LATER)])
            for name in ("user", "item", "rating", "timestamp")
        ),
        USERS,
        ITEMS,
    )
    expected = filtered(both, *options)
    np.testing.assert_allclose(model.training_predictions, expected[: len(TRAIN)], atol=1e-4)
    np.testing.assert_allclose(model.predict_stream(LATER), expected[len(TRAIN) :], atol=1e-4)


def test_without_drift_a_bias_is_a_shrunk_mean() -> None:
    # One user, an item of no variance to speak of: after n ratings of 5 with mean 3, b_u = 2 n / (n + 1 / variance).
    train = Interactions(
        np.array([1, 2], np.int32), np.ones(2, np.int32), np.array([5, 1], np.float32), np.array([0, 1]), 3, 1
    )
    later = Interactions(
        np.array([1, 1, 3], np.int32), np.ones(3, np.int32), np.array([5, 5, 1], np.float32), np.array([2, 3, 4]), 3, 1
    )
    model = OnlineBias(0.5, 1e-9, 0.0, 0.0).fit(train, train.take(np.arange(0)))
    np.testing.assert_allclose(model.predict_stream(later), [3 + 2 / 3, 3 + 2 / 2, 3], atol=1e-5)


@each_model
def test_no_rating_decides_its_own_prediction_or_that_of_its_time_or_earlier(
    make: Callable[[], OnlineBaseline],
) -> None:
    model = make().fit(TRAIN, VALID)
    before = model.predict_stream(LATER)
    horizon = np.sort(LATER.timestamp)[len(LATER) // 2]
    future = LATER.timestamp >= horizon
    changed = LATER.rating.copy()
    changed[future] += np.random.default_rng(0).normal(0, 3, future.sum()).astype(np.float32)
    after = model.predict_stream(
        Interactions(LATER.user, LATER.item, changed, LATER.timestamp, LATER.num_users, LATER.num_items)
    )
    first = LATER.timestamp <= horizon
    assert (first & future).sum() > 1
    np.testing.assert_array_equal(before[first], after[first])
    assert (before[~first] != after[~first]).mean() > 0.9


@each_model
def test_order_of_the_rows_says_nothing(make: Callable[[], OnlineBaseline], rng: np.random.Generator) -> None:
    model = make().fit(TRAIN, VALID)
    shuffled = rng.permutation(len(LATER))
    np.testing.assert_allclose(
        model.predict_stream(LATER.take(shuffled)), model.predict_stream(LATER)[shuffled], rtol=1e-4, atol=1e-4
    )


@each_model
def test_later_ratings_are_forgotten_and_help(make: Callable[[], OnlineBaseline]) -> None:
    model = make().fit(TRAIN, VALID)
    predicted = model.predict_stream(LATER)
    np.testing.assert_array_equal(predicted, model.predict_stream(LATER))
    np.testing.assert_array_equal(predicted, make().fit(TRAIN, VALID).predict_stream(LATER))
    assert predicted.dtype == np.float32
    alone = np.concatenate([model.predict_stream(LATER.take(np.array([row]))) for row in range(len(LATER))])
    assert np.mean((predicted - LATER.rating) ** 2) < 0.9 * np.mean((alone - LATER.rating) ** 2)
    assert np.isfinite(make().fit(TRAIN, EMPTY).predict_stream(LATER)).all()
    assert model.predict_stream(EMPTY).shape == (0,)
    assert model.num_parameters >= 3 * (USERS + ITEMS)


@each_model
def test_refuses_ratings_of_the_past(make: Callable[[], OnlineBaseline]) -> None:
    with pytest.raises(ValueError, match="later than the last training rating"):
        make().fit(TRAIN, EMPTY).predict_stream(TRAIN)
    with pytest.raises(ValueError, match="later than the last training rating"):
        make().fit(LATER, VALID)


def test_options_are_chosen_on_the_streamed_validation_ratings() -> None:
    model = OnlineBias(0.3, 0.3, (0.0, 0.05), 0.0).fit(TRAIN, VALID)
    assert model.options is not None
    assert model.options.rating_drift == 0.05
    predicted = np.clip(model.predict_stream(VALID), TRAIN.rating.min(), TRAIN.rating.max())
    assert model.options.valid_rmse == pytest.approx(np.sqrt(np.mean((predicted - VALID.rating) ** 2)), rel=1e-4)


def test_factors_find_what_biases_cannot() -> None:
    def tastes(seed: int, n: int, begin: int) -> Interactions:
        rng = np.random.default_rng(seed)
        user, item = rng.integers(1, USERS + 1, n), rng.integers(1, ITEMS + 1, n)
        rating = 3 + np.where((user + item) % 2, 1.0, -1.0) + 0.3 * rng.standard_normal(n)
        time = begin + np.arange(n)
        return Interactions(user.astype(np.int32), item.astype(np.int32), rating.astype(np.float32), time, USERS, ITEMS)

    train, valid, later = tastes(0, 2000, 0), tastes(1, 300, 2000), tastes(2, 300, 2000)
    errors = [
        float(np.sqrt(np.mean((model.fit(train, valid).predict_stream(later) - later.rating) ** 2)))
        for model in (OnlineBias(), OnlineFactors(factors=4))
    ]
    assert errors[0] > 1
    assert errors[1] < 0.4


def test_a_busy_timestamp_does_not_explode() -> None:
    n = 2000
    rng = np.random.default_rng(0)
    user, item = np.ones(n, np.int32), rng.integers(1, ITEMS + 1, n).astype(np.int32)
    train = Interactions(user, item, rng.integers(1, 6, n).astype(np.float32), np.arange(n) // 500, USERS, ITEMS)
    later = Interactions(user, item, train.rating, train.timestamp + n, USERS, ITEMS)
    predicted = OnlineFactors(rate=0.5).fit(train, EMPTY).predict_stream(later)
    assert np.abs(predicted - 3).max() < 3


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: OnlineBias(user_variance=()), "above 0"),
        (lambda: OnlineBias(item_variance=0.0), "above 0"),
        (lambda: OnlineBias(daily_drift=-1.0), "of at least 0"),
        (lambda: OnlineFactors(rate=()), "rate should be"),
        (lambda: OnlineFactors(rate=-0.1), "rate should be"),
        (lambda: OnlineFactors(factors=0), "factors should be at least 1"),
    ],
)
def test_options_out_of_range_are_refused(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()
