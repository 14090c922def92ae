from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import rrn_tf.baselines.ratings.autorec as autorec
from rrn_tf.baselines.ratings import AutoRec, UserItemBias
from rrn_tf.data.interactions import Interactions
from rrn_tf.features import SIDES, Side

USERS, ITEMS = 80, 60


def low_rank(signal: float = 1.0, noise: float = 0.3) -> list[Interactions]:
    """2,000 training, 400 validation and 400 test ratings of rank 2 around 3.

    No pair is rated twice; the last user and the last item have no ratings.
    """
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((USERS + 1, 2)), rng.standard_normal((ITEMS + 1, 2))
    pair = rng.permutation((USERS - 1) * (ITEMS - 1))[:2800]
    user, item = 1 + pair // (ITEMS - 1), 1 + pair % (ITEMS - 1)
    rating = 3 + signal * (u[user] * v[item]).sum(1) + noise * rng.standard_normal(2800)
    table = Interactions(
        user.astype(np.int32), item.astype(np.int32), rating.astype(np.float32), np.zeros(2800, np.int64), USERS, ITEMS
    )
    return [table.take(rows) for rows in np.split(np.arange(2800), [2000, 2400])]


TRAIN, VALID, TEST = low_rank()
EMPTY = TRAIN.take(np.arange(0))
MEAN = TRAIN.rating.mean()


def error(model: AutoRec | UserItemBias, rows: Interactions) -> float:
    return float(np.sqrt(np.mean((model.predict(rows.user, rows.item) - rows.rating) ** 2)))


@pytest.fixture(scope="module")
def fitted() -> dict[Side, AutoRec]:
    options = {"hidden": 40, "l2": (3.0, 1.0), "learning_rate": 0.02, "max_epochs": 12}
    return {side: AutoRec(side, **options).fit(TRAIN, VALID) for side in SIDES}  # type: ignore[arg-type]


@pytest.mark.parametrize(("side", "name"), [(Side.USER, "U-AutoRec"), (Side.ITEM, "I-AutoRec")])
def test_learns_what_biases_cannot(side: Side, name: str, fitted: dict[Side, AutoRec]) -> None:
    model = fitted[side]
    assert model.name == name
    assert error(model, TEST) < 0.5 * error(UserItemBias().fit(TRAIN, VALID), TEST)
    columns = ITEMS if side is Side.USER else USERS
    assert model.num_parameters == columns * (40 + 40 + 1) + 40 + 1


@pytest.mark.parametrize("side", SIDES)
def test_on_noise_it_is_no_better_than_the_mean(side: Side) -> None:
    train, valid, test = low_rank(signal=0, noise=1.0)
    model = AutoRec(side, hidden=20, l2=(30.0, 3.0), learning_rate=0.02).fit(train, valid)
    mean = np.sqrt(np.mean((train.rating.mean() - test.rating) ** 2))
    assert 0.99 * mean < error(model, test) < 1.02 * mean


@pytest.mark.parametrize("side", SIDES)
def test_factors_give_the_deviation_from_the_mean(side: Side, fitted: dict[Side, AutoRec]) -> None:
    users, items = fitted[side].factors()
    assert users.shape == (USERS + 1, 41)
    assert items.shape == (ITEMS + 1, 41)
    assert users.dtype == items.dtype == np.float32
    assert not users[0].any()
    assert not items[0].any()
    user, item = (1 + index.ravel() for index in np.indices((USERS, ITEMS)))
    deviation = fitted[side].predict(user, item) - MEAN
    np.testing.assert_allclose((users[user] * items[item]).sum(1), deviation, atol=1e-5)


@pytest.mark.parametrize("side", SIDES)
def test_unknown_entities(side: Side, fitted: dict[Side, AutoRec]) -> None:
    known = np.arange(1, 6)

    def predict(row: int | np.ndarray, column: int | np.ndarray) -> np.ndarray:
        row, column = (np.broadcast_to(index, known.shape) for index in (row, column))
        return fitted[side].predict(*((row, column) if side is Side.USER else (column, row)))

    last_row, last_column = (USERS, ITEMS) if side is Side.USER else (ITEMS, USERS)
    for column in (0, last_column):
        np.testing.assert_allclose(predict(known, column), MEAN, rtol=1e-6)
    # No ratings: the same answer whether the index is 0 or has none; it differs by column.
    np.testing.assert_array_equal(predict(0, known), predict(last_row, known))
    assert np.ptp(predict(0, known)) > 0.01


def test_one_seed_one_result() -> None:
    def predict(seed: int) -> np.ndarray:
        model = AutoRec(Side.USER, hidden=10, l2=3.0, max_epochs=2, seed=seed).fit(TRAIN, VALID)
        return model.predict(TEST.user, TEST.item)

    np.testing.assert_array_equal(predict(1), predict(1))
    assert (predict(1) != predict(2)).any()


def test_options_are_chosen_on_validation(fitted: dict[Side, AutoRec]) -> None:
    options = fitted[Side.USER].options
    assert options is not None
    assert options.l2 in (3.0, 1.0)
    assert 0 < options.epochs <= 12
    assert options.valid_rmse == pytest.approx(error(fitted[Side.USER], VALID), rel=0.02)


def test_without_validation_defaults_are_used() -> None:
    model = AutoRec(Side.ITEM, hidden=40, l2=(30.0, 3.0, 1.0), learning_rate=0.02).fit(TRAIN, EMPTY)
    assert model.options is not None
    assert (model.options.l2, model.options.epochs) == (3.0, 10)
    assert np.isnan(model.options.valid_rmse)
    assert error(model, TEST) < 0.8 * error(UserItemBias().fit(TRAIN, EMPTY), TEST)


def test_without_ratings_it_answers_zero() -> None:
    model = AutoRec(Side.USER, hidden=4).fit(EMPTY, EMPTY)
    np.testing.assert_array_equal(model.predict(np.array([0, 1]), np.array([1, 0])), np.zeros(2))


def test_blocks_of_queries_do_not_matter(fitted: dict[Side, AutoRec], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted[Side.ITEM].predict(TEST.user, TEST.item)
    monkeypatch.setattr(autorec, "_BATCH_ENTRIES", 7)
    np.testing.assert_allclose(fitted[Side.ITEM].predict(TEST.user, TEST.item), whole, rtol=1e-6)
    assert fitted[Side.ITEM].predict(TEST.user[:0], TEST.item[:0]).shape == (0,)


def test_wrong_options_are_refused() -> None:
    for l2 in ((), -1.0):
        with pytest.raises(ValueError, match="l2 should be one or more values of at least 0, received"):
            AutoRec(Side.USER, l2=l2)
    with pytest.raises(ValueError, match="hidden should be at least 1, received 0"):
        AutoRec(Side.USER, hidden=0)
    with pytest.raises(RuntimeError, match="U-AutoRec should be fitted"):
        AutoRec(Side.USER).factors()
    with pytest.raises(dataclasses.FrozenInstanceError):
        autorec.AutoRecOptions(1.0, 2).l2 = 3.0  # type: ignore[misc]
