"""Ranks of later ratings are their places in the lists that the saved model recommends at their times."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from rrn_tf.features import Side
from rrn_tf.serving import rank_ratings as module
from rrn_tf.serving.export import RRNServing
from rrn_tf.serving.rank_ratings import RankedRatings, rank_ratings
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.update import NewRatings, update
from tests.serving.conftest import Saved, loaded

DAY = 86_400
EVERY = float("-inf")  # makes every rating relevant


class Later(NamedTuple):
    """Ratings in no order, as `rank_ratings` takes them."""

    user_id: npt.NDArray[np.object_]
    item_id: npt.NDArray[np.object_]
    timestamp: npt.NDArray[np.int64]
    rating: npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def model(saved_default: Saved) -> SavedRRN:
    return SavedRRN(loaded(saved_default.path), compiled=False)


@pytest.fixture(scope="module")
def later(model: SavedRRN) -> Later:
    """Ratings of a few users, known or not, that meet items again, unknown ones too, some in one second."""
    rng = np.random.default_rng(8)
    users = np.array([*model.ids(Side.USER)[:6], "new one", "other"], object)
    items = np.array([*model.ids(Side.ITEM), "no item"], object)
    time = model.until + rng.integers(45 * DAY, size=90)
    time[::9] = time[1::9]
    user = rng.choice(users, 90)
    user[::9] = user[1::9]
    return Later(user, rng.choice(items, 90), time, rng.integers(1, 6, 90).astype(np.float32))


def expected_ranks(listed: dict[int, list[str]], later: Later, least: float) -> tuple[dict[int, int], int, int]:
    """By a loop: the place of each relevant rating in its list, and how many are of rated and of unknown items."""
    ranks, repeated, unknown = {}, 0, 0
    for row, (user, item, time, rating) in enumerate(zip(*later, strict=True)):
        if rating < least:
            continue
        met = set(later.item_id[(later.user_id == user) & (later.timestamp < time)])
        left = [name for name in listed[row] if name and name not in met]
        if item == "no item":
            unknown += 1
        elif item in left:
            ranks[row] = left.index(item) + 1
        else:
            repeated += 1
    return ranks, repeated, unknown


def check(found: RankedRatings, expected: tuple[dict[int, int], int, int], later: Later) -> None:
    ranks, repeated, unknown = expected
    assert repeated
    assert unknown
    assert dict(zip(found.row.tolist(), found.rank.tolist(), strict=True)) == ranks
    assert (found.repeated, found.unknown) == (repeated, unknown)
    together = [(later.user_id[row], later.timestamp[row]) for row in found.row]
    same = np.array([[a == b for b in together] for a in together])
    np.testing.assert_array_equal(found.in_list[:, np.newaxis] == found.in_list, same)
    assert same.sum() > len(together)


def test_frozen_ranks_are_places_in_recommended_lists(
    model: SavedRRN, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CELLS", 100)  # a few ratings at a time
    names, _ = model.recommend_many(later.user_id, later.timestamp, 100)
    for least in (EVERY, 4):
        found = rank_ratings(model, *later, "frozen", least)
        check(found, expected_ranks(dict(enumerate(names.tolist())), later, least), later)


def test_streaming_ranks_are_places_in_lists_of_an_updated_model(
    model: SavedRRN, later: Later, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "_UPDATES", 2)
    # Half of the ratings are of two days, the others come weeks later.
    time = model.cutoff + DAY * np.where(np.arange(90) < 45, 1, 60) + later.timestamp % DAY
    later = later._replace(timestamp=np.maximum(time, model.until))
    early = np.arange(90) < 45
    served, _ = update(model, NewRatings(*(column[early] for column in (*later[:3], later.rating))))
    names, _ = model.recommend_many(later.user_id, later.timestamp, 100)
    signatures = RRNServing(served, tmp_path)
    updated = signatures.recommend(
        tf.constant(later.user_id, tf.string), tf.constant(later.timestamp), tf.constant(100)
    )["item_id"]
    known = set(model.ids(Side.ITEM))
    of_updated = [[name.decode() for name in row if name.decode() in known] for row in updated.numpy()]
    listed = {row: names[row].tolist() if early[row] else of_updated[row] for row in range(90)}
    check(rank_ratings(model, *later, "streaming", EVERY), expected_ranks(listed, later, EVERY), later)


def test_no_rating_from_then_on_moves_a_list(model: SavedRRN, later: Later) -> None:
    before = rank_ratings(model, *later, "streaming", EVERY)
    frozen = rank_ratings(model, *later, "frozen", EVERY)
    np.testing.assert_array_equal(before.row, frozen.row)
    assert (before.rank != frozen.rank).any()
    for cut in np.quantile(later.timestamp, [0.3, 0.7], method="nearest"):
        changed = np.where(later.timestamp >= cut, 6 - later.rating, later.rating)
        after = rank_ratings(model, *later._replace(rating=changed), "streaming", EVERY)
        until = later.timestamp[before.row] <= cut
        np.testing.assert_array_equal(before.rank[until], after.rank[until])
        assert (before.rank != after.rank).any()
