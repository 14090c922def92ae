"""TimeSVD++ against its equation, and what it makes of time."""

from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.baselines.ratings import TimeSVDpp, UserItemBias
from rrn_tf.baselines.ratings.sparse_rows import SparseRows
from rrn_tf.baselines.ratings.time_factors import Biases, TimeFactors, UserBatch
from rrn_tf.data.interactions import Interactions
from rrn_tf.features import Side

DAY = 86_400
USERS, ITEMS, BINS, DAYS, K = 5, 4, 3, 6, 2
USER_L2, ITEM_L2, DRIFT_L2, FACTOR_L2 = 0.3, 0.4, 0.5, 0.6


def ratings_of(
    user: np.ndarray, item: np.ndarray, rating: np.ndarray, time: np.ndarray, users: int, items: int
) -> Interactions:
    return Interactions(
        user.astype(np.int32), item.astype(np.int32), rating.astype(np.float32), time.astype(np.int64), users, items
    )


def whole(table: Interactions, rng: np.random.Generator) -> UserBatch:
    """All users as one batch; every user has a day of each number, its own."""
    n = len(table)
    day = (table.user - 1) * DAYS + rng.integers(1, DAYS + 1, n)
    cell = table.item * BINS + rng.integers(0, BINS, n)
    (item, item_of), (days, day_of), (bins, bin_of) = (
        np.unique(of, return_inverse=True) for of in (table.item.astype(np.int64), day, cell)
    )
    user, slot, count = np.unique(table.user.astype(np.int64), return_inverse=True, return_counts=True)
    deviation = rng.uniform(-1, 1, n).astype(np.float32)
    ones = [np.ones(len(of), np.float32) for of in (item, bins)]
    return UserBatch(
        user,
        slot,
        item,
        item_of,
        days,
        day_of,
        bins,
        bin_of,
        deviation,
        table.rating,
        *ones,
        (count**-0.5).astype(np.float32),
    )


def only(batch: UserBatch, slots: list[int]) -> UserBatch:
    """Some users of a batch of all."""
    keep = np.isin(batch.slot, slots)
    parts = [
        np.unique(of[keep], return_inverse=True, return_counts=True)
        for of in (batch.item_of, batch.day_of, batch.bin_of)
    ]
    (item, item_of, items), (day, day_of, _), (cell, bin_of, cells) = parts
    return UserBatch(
        batch.user[slots],
        np.searchsorted(slots, batch.slot[keep]),
        batch.item[item],
        item_of,
        batch.day[day],
        day_of,
        batch.bin[cell],
        bin_of,
        batch.deviation[keep],
        batch.value[keep],
        (items / np.bincount(batch.item_of)[item]).astype(np.float32),
        (cells / np.bincount(batch.bin_of)[cell]).astype(np.float32),
        batch.implicit[slots],
    )


def objective(weights: list[np.ndarray], batch: UserBatch) -> float:
    """Half of the errors' squares and the regulariser, rating by rating as the paper has it."""
    b_u, slope, b_t, b_i, b_bin, P, A, Q, Y = weights
    total = 0.0
    for n, slot in enumerate(batch.slot):
        u, i, dev = batch.user[slot], batch.item[batch.item_of[n]], batch.deviation[n]
        rated = batch.item[batch.item_of[batch.slot == slot]]
        taste = P[u] + A[u] * dev + len(rated) ** -0.5 * Y[rated].sum(axis=0)
        bias = b_u[u] + slope[u] * dev + b_t[batch.day[batch.day_of[n]]] + b_i[i] + b_bin[batch.bin[batch.bin_of[n]]]
        total += (batch.value[n] - bias - Q[i] @ taste) ** 2
    total += USER_L2 * (b_u[batch.user] ** 2).sum() + ITEM_L2 * (b_i[batch.item] ** 2).sum()
    for of, rows in ((slope, batch.user), (b_t, batch.day), (b_bin, batch.bin)):
        total += DRIFT_L2 * (of[rows] ** 2).sum()
    for of, rows in ((P, batch.user), (A, batch.user), (Q, batch.item), (Y, batch.item)):
        total += FACTOR_L2 * (of[rows] ** 2).sum()
    return total / 2


@pytest.fixture
def table(rng: np.random.Generator) -> Interactions:
    user, item = np.nonzero(rng.random((USERS, ITEMS)) < 0.6)
    return ratings_of(user + 1, item + 1, rng.normal(size=len(user)), np.zeros(len(user)), USERS, ITEMS)


@pytest.fixture
def network(table: Interactions, rng: np.random.Generator) -> TimeFactors:
    biases = Biases(np.zeros(USERS + 1, np.float32), np.zeros(ITEMS + 1, np.float32), USER_L2, ITEM_L2)
    sizes = (USERS * DAYS + 1, (ITEMS + 1) * BINS, K)
    made = TimeFactors(SparseRows(table, Side.USER), biases, *sizes, FACTOR_L2, DRIFT_L2)
    made.assign([rng.normal(size=value.shape).astype(np.float32) for value in made.values])
    return made


def scattered(network: TimeFactors, batch: UserBatch) -> list[np.ndarray]:
    gradients = []
    for weight, gradient in zip(network.values, network.gradients(batch), strict=True):
        dense = np.zeros_like(weight)
        rows = np.asarray(gradient.indices)
        assert len(set(rows)) == len(rows), "SparseAdam takes each row once"
        dense[rows] = gradient.values.numpy()
        gradients.append(dense)
    return gradients


def test_gradients_are_those_of_the_objective(
    table: Interactions, network: TimeFactors, rng: np.random.Generator
) -> None:
    batch, weights = whole(table, rng), [value.astype(np.float64) for value in network.values]
    for number, found in enumerate(scattered(network, batch)):
        expected = np.zeros_like(weights[number])
        for at in np.ndindex(expected.shape):
            values = []
            for step in (1e-4, -1e-4):
                moved = [weight.copy() for weight in weights]
                moved[number][at] += step
                values.append(objective(moved, batch))
            expected[at] = (values[0] - values[1]) / 2e-4
        np.testing.assert_allclose(found, expected, atol=2e-4)


def test_batches_add_up(table: Interactions, network: TimeFactors, rng: np.random.Generator) -> None:
    batch = whole(table, rng)
    parts = [
        scattered(network, only(batch, slots))
        for slots in ([0, 2], [*range(1, len(batch.user), 2), *range(4, len(batch.user), 2)])
    ]
    for all_, *some in zip(scattered(network, batch), *parts, strict=True):
        np.testing.assert_allclose(sum(some), all_, rtol=1e-4, atol=1e-5)


def wandering(seed: int, n: int, first: float, last: float, users: int = 30, items: int = 20) -> Interactions:
    """Every user's bias goes steadily up or down over 100 days."""
    rng = np.random.default_rng(seed)
    user, item = rng.integers(1, users + 1, n), rng.integers(1, items + 1, n)
    day = rng.uniform(first, last, n)
    rating = 3 + np.where(user % 2, 1, -1) * (day - 50) / 50 + 0.5 * np.sin(item) + 0.2 * rng.standard_normal(n)
    return ratings_of(user, item, rating, day * DAY, users, items)


def error(model: TimeSVDpp | UserItemBias, rows: Interactions) -> float:
    return float(np.sqrt(np.mean((model.predict(rows.user, rows.item, rows.timestamp) - rows.rating) ** 2)))


def test_drift_is_learned_and_held_after_training() -> None:
    train, valid, later = wandering(0, 2000, 0, 100), wandering(1, 300, 100, 105), wandering(2, 300, 100, 105)
    model = TimeSVDpp(factors=2, factor_l2=30.0, drift_l2=(100.0, 0.3), learning_rate=0.02).fit(train, valid)
    assert model.options is not None
    assert model.options.drift_l2 == 0.3
    assert error(model, later) < 0.7 * error(UserItemBias().fit(train, valid), later)
    user, item = later.user[:50], later.item[:50]
    soon, much_later = (model.predict(user, item, np.full(50, day * DAY)) for day in (102, 5000))
    np.testing.assert_array_equal(soon, much_later)


def test_a_day_of_training_has_its_bias_and_no_other() -> None:
    rng = np.random.default_rng(0)
    user, item, day = rng.integers(1, 6, 400), rng.integers(1, 8, 400), rng.integers(0, 20, 400)
    low = (user == 1) & (day == 7)
    train = ratings_of(user, item, np.where(low, 1, 4) + 0.1 * rng.standard_normal(400), day * DAY + 5, 5, 7)
    empty = train.take(np.arange(0))
    model = TimeSVDpp(factors=1, factor_l2=100.0, drift_l2=0.1, bins=1, learning_rate=0.05).fit(train, empty)
    seen, other, unseen = (
        model.predict(np.array([u]), np.array([1]), np.array([d * DAY + 9]))[0] for u, d in ((1, 7), (2, 7), (1, 40))
    )
    assert min(other, unseen) - seen > 0.6


def test_same_seed_same_model_and_validation_only_chooses() -> None:
    train, valid = wandering(0, 500, 0, 100), wandering(1, 100, 100, 105)
    make = lambda: TimeSVDpp(factors=2, factor_l2=10.0, drift_l2=1.0, max_epochs=3)  # noqa: E731
    asked = (valid.user, valid.item, valid.timestamp)
    first = make().fit(train, valid).predict(*asked)
    np.testing.assert_array_equal(first, make().fit(train, valid).predict(*asked))
    unknown = make().fit(train, valid).predict(np.zeros(2, np.int32), np.zeros(2, np.int32), valid.timestamp[:2])
    np.testing.assert_allclose(unknown, train.rating.mean(), rtol=1e-5)


@pytest.mark.parametrize("option", ["factors", "factor_l2", "drift_l2"])
def test_an_empty_grid_is_refused(option: str) -> None:
    with pytest.raises(ValueError, match=f"{option} should be one or more values"):
        TimeSVDpp(**{option: ()})
