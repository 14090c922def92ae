"""The peers' split, told in other words, and what they leave out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.rating_split import TimeSplit, time_split
from rrn_tf.features import Split


@pytest.fixture
def frame(rng: np.random.Generator) -> pd.DataFrame:
    """500 ratings, some of one second; users come until the end."""
    times = np.sort(rng.integers(0, 300, 500))
    columns = {
        "user_id": [f"u{k:02}" for k in rng.integers(times // 30, times // 10 + 10)],
        "item_id": rng.integers(0, 40, 500),
        "rating": rng.integers(1, 6, 500),
        "timestamp": 10**9 + times,
    }
    return pd.DataFrame(columns).sample(frac=1, random_state=0)


@pytest.fixture
def split(frame: pd.DataFrame) -> TimeSplit:
    return time_split(frame)


def test_ratings_of_one_second_stay_together(frame: pd.DataFrame, split: TimeSplit) -> None:
    last = np.sort(frame["timestamp"])[399]
    assert split.train["timestamp"].max() == last < split.later["timestamp"].min()
    assert len(split.train) + len(split.later) == 500
    for part in (split.train, split.later):
        assert part[["timestamp", "user_id", "item_id"]].apply(tuple, axis=1).is_monotonic_increasing


def test_known_ratings_are_halved_as_the_peers_do(split: TimeSplit) -> None:
    later = split.later.drop(columns="split")
    known = later[later["user_id"].isin(split.train["user_id"]) & later["item_id"].isin(split.train["item_id"])]
    order = np.random.RandomState(0).permutation(len(known))
    half = len(known) // 2
    for part, rows in ((Split.VALID, order[:half]), (Split.TEST, order[half:])):
        pd.testing.assert_frame_equal(later.iloc[split.row_indices(part)], known.iloc[np.sort(rows)])


def test_the_others_are_halved_too_and_another_seed_draws_others(frame: pd.DataFrame, split: TimeSplit) -> None:
    cold = [split.row_indices(part) for part in (Split.VALID_COLD, Split.TEST_COLD)]
    assert len(cold[0]) == sum(map(len, cold)) // 2 > 5
    assert sum(len(split.row_indices(part)) for part in Split if part) == len(split.later)
    other = time_split(frame, seed=1)
    for part in Split:
        if part:
            assert split.row_indices(part).tolist() != other.row_indices(part).tolist()


def test_ids_are_counted_as_the_peers_do_and_unseen_ones_after_them(split: TimeSplit) -> None:
    ids = np.unique(split.train["user_id"])
    rows = split.peer_rows(Split.TEST).astype(int)
    of_test = split.later.iloc[split.row_indices(Split.TEST)]
    assert ids[rows[:, 0]].tolist() == of_test["user_id"].tolist()
    np.testing.assert_array_equal(rows[:, 2:], of_test[["rating", "timestamp"]])
    train, frozen = split.interactions(unseen=False)
    assert (train.num_users, train.user.min(), train.user.max()) == (len(ids), 1, len(ids))
    unseen = ~split.later["user_id"].isin(ids).to_numpy()
    assert ((frozen.user == 0) == unseen).all()
    _, streaming = split.interactions(unseen=True)
    assert ((streaming.user > len(ids)) == unseen).all()
    assert streaming.num_users == len(set(split.train["user_id"]) | set(split.later["user_id"]))
    assert (np.diff(pd.factorize(split.later["user_id"], sort=True)[0]) == 0).sum() == (
        np.diff(streaming.user) == 0
    ).sum()
