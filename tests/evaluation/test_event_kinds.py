"""Kinds of events, against loops."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import entropy

from rrn_tf.data.events import EventSequences
from rrn_tf.evaluation.event_kinds import kinds_of, next_item_kinds
from rrn_tf.features import Split
from tests.events import random_events


@pytest.fixture(scope="module")
def sequences() -> EventSequences:
    rng = np.random.default_rng(5)
    lengths = [(int(rng.integers(1, 30)), 2, int(rng.integers(1, 4))) for _ in range(7)]
    events = random_events([*lengths, (0, 0, 2), (120, 2, 2)], 11, seed=3)
    gaps = np.exp(rng.uniform(0, 15, len(events.item))).astype(np.int64)
    return replace(events, timestamp=np.cumsum(gaps))


def named(sequences: EventSequences, positions: np.ndarray, division: str) -> list[str]:
    names, kind = kinds_of(sequences, positions)[division]
    return [names[number] for number in kind]


def test_kinds_are_those_of_loops(sequences: EventSequences) -> None:
    positions = np.flatnonzero(sequences.split == Split.TEST)[::-1]
    expected: dict[str, list[str]] = {"item": [], "gap": [], "length": []}
    for position in positions:
        begin = sequences.user_splits[sequences.user[position]]
        earlier = sequences.item[begin:position].tolist()
        expected["item"].append("repeat" if sequences.item[position] in earlier else "new to the user")
        hours = (sequences.timestamp[position] - sequences.timestamp[position - 1]) / 3_600
        if not earlier:
            expected["gap"].append("first event")
        elif hours < 1:
            expected["gap"].append("< 1 hour")
        elif hours < 24:
            expected["gap"].append("< 1 day")
        else:
            expected["gap"].append("< 1 week" if hours < 24 * 7 else "1 week or more")
        count = len(earlier)
        name = "0" if not count else "1-9" if count < 10 else "10-99" if count < 100 else "100-999"
        expected["length"].append(name)
    for division, kinds in expected.items():
        assert named(sequences, positions, division) == kinds
        assert len(set(kinds)) > 1
    assert set(expected["gap"]) == {"first event", "< 1 hour", "< 1 day", "< 1 week", "1 week or more"}


def test_thirds_are_of_the_users_who_are_asked_about(sequences: EventSequences) -> None:
    positions = np.flatnonzero((sequences.split == Split.TEST) & (sequences.user < 7))
    of_user = {}
    for user in range(1, 7):
        items = sequences.item[(sequences.user == user) & (sequences.split == Split.TRAIN)]
        of_user[user] = entropy([*Counter(items.tolist()).values()])
    ordered = sorted(of_user, key=of_user.__getitem__)
    expected = {
        user: name for at, name in enumerate(("low entropy", "middle", "high")) for user in ordered[2 * at :][:2]
    }
    assert named(sequences, positions, "entropy") == [expected[user] for user in sequences.user[positions]]


def test_the_clock_may_stand_still_or_go_back() -> None:
    events = replace(random_events([(2, 0, 2)], 3), timestamp=np.array([50, 50, 50, 10]))
    assert named(events, np.array([2, 3]), "gap") == ["< 1 hour"] * 2


def test_next_items_come_from_the_user_or_from_others(sequences: EventSequences) -> None:
    train = sequences.split == Split.TRAIN
    # One item is met after training alone.
    items = np.where(train & (sequences.item == 11), 1, sequences.item)
    sequences = replace(sequences, item=items.astype(np.int32))
    positions = np.arange(len(items))[::-1]
    names, kind = next_item_kinds(sequences, positions)
    expected = []
    for position in positions:
        earlier = items[sequences.user_splits[sequences.user[position]] : position].tolist()
        if earlier and earlier[-1] == items[position]:
            expected.append("own last item again")
        elif items[position] in earlier:
            expected.append("own earlier item")
        else:
            expected.append("new to the user" if items[position] in items[train] else "never met in training")
    assert [names[number] for number in kind] == expected
    assert set(expected) == set(names)
