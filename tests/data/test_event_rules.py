"""The rules on events, without Beam and files."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import entropy

from rrn_tf.collaborative_config import CollaborativeConfig, EventDataConfig
from rrn_tf.config import ConfigError, config_from_dict
from rrn_tf.data.event_rules import (
    NOT_LATER,
    UNTRAINED_USER,
    USER_ENTROPY,
    CodedEvents,
    Dropped,
    in_order,
    item_entropy,
    split_by_position,
    split_by_source,
    split_diverse_users,
)
from rrn_tf.features import Split
from tests.beam.event_reference import splits


@pytest.mark.parametrize("validation", [True, False])
@pytest.mark.parametrize(("holdout", "least", "most"), [(0.025, 3, 500), (0.5, 1, 20), (0.9, 1, 4), (0.1, 50, 50)])
def test_held_out_numbers(validation: bool, holdout: float, least: int, most: int) -> None:
    config = EventDataConfig(holdout=holdout, min_holdout=least, max_holdout=most, validation=validation)
    count = np.arange(1, 400)
    expected = [splits(n, config) for n in count.tolist()]
    assert split_by_position(count, config).tolist() == list(itertools.chain.from_iterable(expected))


def test_the_papers_held_out_numbers() -> None:
    """2.5 % with halves up, at least 3, at most 500."""
    config = EventDataConfig(validation=False)
    count = np.array([11, 100, 139, 140, 179, 180, 19_979, 19_980, 100_000])
    held = np.add.reduceat(split_by_position(count, config) == Split.VALID, np.cumsum(count) - count)
    assert held.tolist() == [3, 3, 3, 4, 4, 5, 499, 500, 500]
    assert len(split_by_position(np.empty(0, np.int64), config)) == 0


def test_entropy_is_scipys(rng: np.random.Generator) -> None:
    user = np.sort(rng.integers(1, 30, 2_000)).astype(np.int32)
    item = (rng.integers(50, size=2_000) % (user + 1)).astype(np.int32)
    expected = [entropy(np.bincount(item[user == u])) for u in np.unique(user)]
    np.testing.assert_allclose(item_entropy(user, item), expected, rtol=1e-12)
    assert item_entropy(np.full(7, 3, np.int32), np.full(7, 5, np.int32)).tolist() == [0.0]
    assert len(item_entropy(np.empty(0, np.int32), np.empty(0, np.int32))) == 0


def test_order_is_by_user_time_and_position(rng: np.random.Generator) -> None:
    columns = (rng.integers(5, size=500), rng.integers(9, size=500), rng.integers(20, size=500), rng.permutation(500))
    kinds = (np.int32, np.int32, np.int64, np.int64)
    events = CodedEvents(*(column.astype(kind) for column, kind in zip(columns, kinds, strict=True)))
    ordered = in_order(events._replace(position=events.position << 40))
    expected = sorted(zip(*columns, strict=True), key=lambda row: (row[0], row[2], row[3]))
    assert list(zip(ordered.user, ordered.item, ordered.timestamp, ordered.position >> 40, strict=True)) == expected


def test_users_of_one_item_are_not_diverse() -> None:
    events = CodedEvents(np.array([2, 1, 2, 1], np.int32), np.array([7, 5, 7, 6], np.int32), np.arange(4), np.arange(4))
    left, dropped = split_diverse_users(events, EventDataConfig(min_user_entropy=0.0, validation=False))
    assert (left.user.tolist(), left.item.tolist(), left.split.tolist(), dropped) == (
        [1, 1],
        [5, 6],
        [0, 1],
        {USER_ENTROPY: Dropped(2, 1)},
    )
    left, dropped = split_diverse_users(CodedEvents.empty(), EventDataConfig())
    assert (len(left.user), dropped) == (0, {USER_ENTROPY: Dropped(0, 0)})


def test_later_events_follow_the_training_events_of_their_user() -> None:
    index = np.array([2, 1, 2, 1], np.int32), np.array([7, 5, 8, 6], np.int32)
    events = CodedEvents(*index, np.array([3, 9, 4, 8]), np.arange(4))
    user, item = np.array([1, 2, 3, 1, 2, 1], np.int32), np.array([5, 0, 7, 6, 7, 7], np.int32)
    later = CodedEvents(user, item, np.array([9, 5, 99, 11, 4, 10]), np.arange(6))
    left, dropped = split_by_source(events, later, EventDataConfig())
    assert (left.user.tolist(), left.item.tolist()) == ([1, 1, 1, 1, 2, 2, 2], [6, 5, 7, 6, 7, 8, 0])
    assert left.split.tolist() == [0, 0, 1, 1, 0, 0, 1]
    assert dropped == {USER_ENTROPY: Dropped(0, 0), UNTRAINED_USER: Dropped(1, 1), NOT_LATER: Dropped(2)}
    left, dropped = split_by_source(CodedEvents.empty(), later, EventDataConfig())
    assert (len(left.user), dropped[UNTRAINED_USER]) == (0, Dropped(6, 3))


def test_bounds_that_contradict_are_refused() -> None:
    with pytest.raises(ConfigError, match="min_holdout should be at most max_holdout, found 9 and 4"):
        config_from_dict({"data": {"min_holdout": 9, "max_holdout": 4}}, CollaborativeConfig)
