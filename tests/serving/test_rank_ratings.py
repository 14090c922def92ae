"""Ranks of later ratings are places in lists that a loop makes of the vectors at the times of the ratings."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from rrn_tf.features import SIDES, Side
from rrn_tf.serving import rank_ratings as module
from rrn_tf.serving.rank_ratings import RankedRatings, rank_ratings
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.state_tables import StateTable
from rrn_tf.serving.update import NewRatings, update
from rrn_tf.states.snapshot import RRNSnapshot
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


def expected_ranks(
    served: dict[bool, RRNSnapshot], late: npt.NDArray[np.bool_], later: Later, least: float, folder: Path
) -> tuple[dict[int, int], int, int]:
    """By a loop: the place of each relevant rating in its list, and how many are of rated and of unknown items.

    Args:
      served: the network for early and for late ratings.
      late: which ratings are late.
      later, least: as for `rank_ratings`.
      folder: for the vocabularies of tables.
    """
    every = {name: scores(network, later, folder) for name, network in served.items()}
    first = served[False]
    catalogue, users = list(first.ids[Side.ITEM]), list(first.ids[Side.USER])
    ranks, repeated, unknown = {}, 0, 0
    for row, (user, item, time, rating) in enumerate(zip(*later, strict=True)):
        if rating < least:
            continue
        met = set(later.item_id[(later.user_id == user) & (later.timestamp < time)])
        if user in users:
            begin, end = first.rated.splits[users.index(user) + 1 :][:2]
            met |= {catalogue[index - 1] for index in first.rated.items[begin:end]}
        if item == "no item":
            unknown += 1
        elif item in met:
            repeated += 1
        else:
            own = every[bool(late[row])][row]
            better = [name for name, score in zip(catalogue, own, strict=True) if score > own[catalogue.index(item)]]
            ranks[row] = 1 + len([name for name in better if name not in met])
    return ranks, repeated, unknown


def scores(served: RRNSnapshot, later: Later, folder: Path) -> npt.NDArray[np.float32]:
    """Each rating's user with each item that the first model knows, as of the rating: float32[N, I]."""
    users, items = (StateTable(side, served, folder / side.vocabulary_file) for side in SIDES)
    count = served.metadata.items.trained
    user = users.distinct_vectors(users.index(tf.constant(later.user_id, tf.string)), users.step(later.timestamp))
    time = np.repeat(later.timestamp, count)
    item = items.distinct_vectors(np.tile(np.arange(1, count + 1), len(later.timestamp)), items.step(time)).numpy()
    return np.einsum("nd,nid->ni", user.numpy(), item.reshape(len(later.timestamp), count, -1))


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


def test_frozen_ranks_are_places_in_lists(
    model: SavedRRN, later: Later, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "_CELLS", 100)  # a few ratings at a time
    served, never = {False: model.load_model()}, np.zeros(90, bool)
    for least in (EVERY, 4):
        found = rank_ratings(model, *later, "frozen", least)
        check(found, expected_ranks(served, never, later, least, tmp_path), later)


@pytest.mark.slow
def test_streaming_ranks_are_places_in_lists_of_an_updated_model(
    model: SavedRRN, later: Later, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "_UPDATES", 2)
    # Half of the ratings are of one day, the others come weeks later.
    late = np.arange(90) >= 45
    time = model.cutoff + DAY * np.where(late, 60, 1) + later.timestamp % DAY
    later = later._replace(timestamp=np.maximum(time, model.until))
    updated, _ = update(model, NewRatings(*(column[~late] for column in (*later[:3], later.rating))))
    served = {False: model.load_model(), True: updated}
    check(rank_ratings(model, *later, "streaming", EVERY), expected_ranks(served, late, later, EVERY, tmp_path), later)


@pytest.mark.slow
def test_no_rating_from_then_on_moves_a_list(model: SavedRRN, later: Later, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_UPDATES", 4)
    before = rank_ratings(model, *later, "streaming", EVERY)
    frozen = rank_ratings(model, *later, "frozen", EVERY)
    np.testing.assert_array_equal(before.row, frozen.row)
    assert (before.rank != frozen.rank).any()
    cut = np.quantile(later.timestamp, 0.4, method="nearest")
    changed = np.where(later.timestamp >= cut, 6 - later.rating, later.rating)
    after = rank_ratings(model, *later._replace(rating=changed), "streaming", EVERY)
    until = later.timestamp[before.row] <= cut
    np.testing.assert_array_equal(before.rank[until], after.rank[until])
    assert (before.rank != after.rank).any()
