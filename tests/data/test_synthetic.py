from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest

from rrn_tf.baselines.ratings import PMF, GlobalMean, UserItemBias
from rrn_tf.data.interactions import Interactions
from rrn_tf.data.synthetic import START, SyntheticConfig, SyntheticRatings, config_from_text, generate

SMALL = SyntheticConfig(users=400, items=150, ratings=15_000, days=200)


def split(ratings: SyntheticRatings) -> tuple[Interactions, Interactions, Interactions, np.ndarray]:
    """Train, validation, test and the rows of test: known users and items, 80 % of time."""
    cut = int(0.8 * len(ratings))
    later = np.arange(cut, len(ratings))
    known = np.isin(ratings.user[later], ratings.user[:cut]) & np.isin(ratings.item[later], ratings.item[:cut])
    later = np.random.default_rng(0).permutation(later[known])
    parts = np.arange(cut), later[: len(later) // 2], later[len(later) // 2 :]
    table = Interactions(ratings.user + 1, ratings.item + 1, ratings.rating, ratings.timestamp, 400, 150)
    train, valid, test = (table.take(part) for part in parts)
    return train, valid, test, parts[2]


def error(predicted: np.ndarray, rows: Interactions) -> float:
    return float(np.sqrt(np.mean((predicted - rows.rating) ** 2)))


def baseline_errors(ratings: SyntheticRatings) -> tuple[list[float], float]:
    train, valid, test, rows = split(ratings)
    models = [GlobalMean().fit(train), UserItemBias().fit(train, valid), PMF(factors=4).fit(train, valid)]
    return [error(m.predict(test.user, test.item, test.timestamp), test) for m in models], ratings.best_rmse(rows)


def recency(ratings: SyntheticRatings, days: float) -> float:
    """RMSE after the cutoff of running, decaying user and item means."""
    total, weight, last = np.zeros((2, 400)), np.zeros((2, 400)), np.zeros((2, 400))
    errors = []
    cut = int(0.8 * len(ratings))
    mean = ratings.rating[:cut].mean()
    for n, (u, i, t, r) in enumerate(
        zip(ratings.user, ratings.item, ratings.timestamp / 86_400, ratings.rating - mean, strict=True)
    ):
        at = ([0, 1], [u, i])
        keep = np.exp((last[at] - t) / days)
        bias = keep * total[at] / (keep * weight[at] + 2)
        if n >= cut:
            errors.append((r - bias.sum()) ** 2)
        total[at], weight[at], last[at] = keep * total[at] + r - bias[::-1], keep * weight[at] + 1, t
    return float(np.sqrt(np.mean(errors)))


def test_columns() -> None:
    ratings = generate(SMALL)
    assert len(ratings) == len(ratings.user_id) == 15_000
    assert (ratings.rating.dtype, ratings.timestamp.dtype, ratings.expected.dtype) == (np.float32, np.int64, np.float32)
    assert (np.diff(ratings.timestamp) >= 0).all()
    assert ratings.timestamp.min() >= START
    assert ratings.timestamp.max() < START + 200 * 86_400
    assert ratings.user_id[3] == f"u{ratings.user[3]}"
    assert ratings.item_id[3] == f"i{ratings.item[3]}"
    pairs = ratings.user.astype(np.int64) * 150 + ratings.item
    assert len(np.unique(pairs)) == len(pairs)


def test_a_config_repeats_and_another_seed_differs() -> None:
    first, second = generate(SMALL), generate(SMALL)
    for field in dataclasses.fields(SyntheticRatings):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))
    assert (generate(dataclasses.replace(SMALL, seed=1)).rating != first.rating).any()


def test_times_of_their_own_are_the_default() -> None:
    for text, digest, total in [
        ("users=400,items=150,ratings=15000,days=200", "ae72295c798e351c", 53_259.08),
        ("users=50,items=30,ratings=500,days=20,rating_step=1,rating_min=1,seed=5", "23e88c48176d3ecb", 1_724.0),
    ]:
        ratings = generate(config_from_text(text))
        events = (ratings.user, ratings.item, ratings.timestamp)
        assert hashlib.sha256(b"".join(column.tobytes() for column in events)).hexdigest().startswith(digest)
        assert ratings.rating.sum(dtype=float) == pytest.approx(total, abs=0.01)


@pytest.mark.parametrize("sitting", [2.5, 5.2, 9.0])
def test_sittings_fill_few_days(sitting: float) -> None:
    config = dataclasses.replace(SMALL, sitting=sitting, days=180, seed=2)
    ratings = generate(config)
    assert len(ratings) == config.ratings
    assert len(np.unique(ratings.user.astype(np.int64) * 150 + ratings.item)) == len(ratings)
    assert (np.diff(ratings.timestamp) >= 0).all()
    assert ratings.timestamp.max() < START + 180 * 86_400
    user_day = ratings.user.astype(np.int64) * 180 + (ratings.timestamp - START) // 86_400
    assert len(ratings) / len(np.unique(user_day)) == pytest.approx(sitting, rel=0.05)
    # A day's ratings follow one another closely, and items are still not rated before they arrive.
    order = np.lexsort((ratings.timestamp, user_day))
    gaps = np.diff(ratings.timestamp[order])[np.diff(user_day[order]) == 0]
    assert gaps.max() <= 21
    alone = generate(dataclasses.replace(config, sitting=1.0))
    for side in ("user", "item"):
        first = [
            np.array([r.timestamp[getattr(r, side) == k].min(initial=2**40) for k in range(150)])
            for r in (ratings, alone)
        ]
        assert (first[0] >= first[1]).all()


def test_sittings_end_at_what_users_have() -> None:
    ratings = generate(dataclasses.replace(SMALL, sitting=1e6))
    user_day = ratings.user.astype(np.int64) * 200 + (ratings.timestamp - START) // 86_400
    assert len(np.unique(user_day)) == len(np.unique(ratings.user))


def test_activity_is_skewed_and_users_arrive_over_time() -> None:
    ratings = generate(SMALL)
    by_item = np.sort(np.bincount(ratings.item))[::-1]
    assert by_item[:15].sum() > 0.2 * len(ratings)
    first = np.array([ratings.timestamp[ratings.user == u][0] for u in np.unique(ratings.user)])
    assert (first > START + 100 * 86_400).mean() > 0.15


def test_the_best_rmse_is_the_noise_and_nothing_beats_it() -> None:
    ratings = generate(dataclasses.replace(SMALL, noise=0.4))
    assert ratings.best_rmse() == pytest.approx(0.4, rel=0.02)
    shifted = ratings.expected + 0.02 * np.random.default_rng(0).standard_normal(len(ratings))
    assert np.sqrt(np.mean((shifted - ratings.rating) ** 2)) > ratings.best_rmse()


def test_signal_has_the_stated_size() -> None:
    ratings = generate(dataclasses.replace(SMALL, users=3000, items=1500, ratings=50_000, user_skew=0, item_skew=0))
    assert ratings.expected.std() == pytest.approx(1.0, rel=0.05)
    assert ratings.expected.mean() == pytest.approx(3.5, abs=0.1)


def test_drifting_tastes_reward_history_and_fresh_history_more() -> None:
    ratings = generate(SMALL)
    (mean, bias, _), best = baseline_errors(ratings)
    fresh, stale = recency(ratings, 40), recency(ratings, 1e9)
    assert best < fresh < 0.97 * stale
    assert bias < 0.95 * mean
    assert fresh < 0.98 * bias


def test_static_tastes_suit_static_models() -> None:
    ratings = generate(dataclasses.replace(SMALL, static=True))
    (mean, bias, pmf), best = baseline_errors(ratings)
    assert best < pmf < 0.9 * bias < 0.9 * mean
    assert recency(ratings, 40) > recency(ratings, 1e9)
    np.testing.assert_array_equal(generate(dataclasses.replace(SMALL, drift=0)).expected, ratings.expected)


def test_on_noise_nothing_beats_the_mean() -> None:
    (mean, bias, pmf), best = baseline_errors(generate(dataclasses.replace(SMALL, signal=0)))
    assert mean == pytest.approx(best, rel=0.01)
    assert min(bias, pmf) > 0.995 * mean


def test_rounded_ratings_keep_an_unbiased_expectation() -> None:
    config = dataclasses.replace(SMALL, ratings=29_000, rating_step=1.0, rating_min=1.0, rating_max=5.0, noise=0.8)
    ratings = generate(config)
    assert set(np.unique(ratings.rating)) == {1.0, 2.0, 3.0, 4.0, 5.0}
    # Within bins of the expectation the ratings have that mean, near the borders too.
    bins = np.digitize(ratings.expected, [1.5, 2, 3, 4, 4.5])
    for k in range(6):
        rows = bins == k
        assert ratings.rating[rows].mean() == pytest.approx(ratings.expected[rows].mean(), abs=0.05)


def test_dense_tables_end() -> None:
    ratings = generate(SyntheticConfig(users=40, items=30, ratings=600, days=10, item_skew=2.0, user_skew=2.0))
    assert len(ratings) == 600


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"users": 0}, "users should be at least 1, found 0"),
        ({"drift": 1.5}, "drift should be between 0 and 1"),
        ({"sitting": 0.5}, "sitting should be at least 1, found 0.5"),
        ({"noise": -1.0}, "noise should not be negative"),
        ({"ratings": 10**6}, "at most half of users x items"),
        ({"rating_min": 6.0}, "rating_min should be below"),
        ({"drift_days": 0.0}, "drift_days should be positive"),
    ],
)
def test_impossible_configs_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **change)


def test_config_from_text() -> None:
    assert config_from_text("") == SyntheticConfig()
    expected = SyntheticConfig(users=70, drift=0.5, static=True, ratings=1000, sitting=5.2)
    assert config_from_text("users=70, drift=0.5,static=true,ratings=1000,sitting=5.2") == expected
    for text, message in [("user=3", "found 'user=3'"), ("users=x", "type int, found 'x'"), ("static=1", "type bool")]:
        with pytest.raises(ValueError, match=message):
            config_from_text(text)
