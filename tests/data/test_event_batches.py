"""Groups of users: every event fed and scored once, in its place."""

from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.data.event_batches import (
    EventGroup,
    frequent_items,
    plan_interleaved,
    plan_rolling,
    plan_scoring,
    plan_training,
    plan_until,
)
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split
from tests.events import random_events

LENGTHS = [(9, 2, 3), (1, 0, 2), (30, 1, 1), (2, 0, 0), (12, 3, 0), (5, 1, 2), (17, 2, 2)]
VALIDATED = [(9, 2, 3), (30, 4, 1), (2, 0, 0), (12, 5, 0), (5, 8, 2), (17, 9, 0)]
CHUNK = 4


@pytest.fixture(scope="module")
def sequences() -> EventSequences:
    return random_events(LENGTHS, 20)


def scored(groups: list[EventGroup]) -> list[tuple[int, list[int], list[int]]]:
    """By user: the items that are fed, and those that are scored."""
    found = []
    for group in groups:
        assert (group.item.shape[1] - 1) % CHUNK == 0
        for user, item, length, first in zip(*group[:4], strict=True):
            assert not item[length + 1 :].any()
            if user:
                found.append((int(user), item[:length].tolist(), item[first + 1 : length + 1].tolist()))
    return sorted(found)


def events(sequences: EventSequences, user: int, until: int) -> list[int]:
    begin = sequences.user_splits[user]
    return sequences.item[begin : begin + until].tolist()


@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_training_feeds_all_but_the_last_and_scores_all_but_the_first(replicas: int, sequences: EventSequences) -> None:
    plan = plan_training(sequences, 3, CHUNK, replicas=replicas)
    assert all(len(shares) == replicas for shares in plan.groups)
    assert len({len(share.user) for share in plan.shares()}) == 1
    expected = []
    for user, (train, _, _) in enumerate(LENGTHS, start=1):
        own = events(sequences, user, train)
        if train > 1:
            expected.append((user, own[:-1], own[1:]))
    assert scored(list(plan.shares())) == expected
    assert plan.num_scored == sum(train - 1 for train, _, _ in LENGTHS)


def test_groups_hold_users_of_similar_length_and_do_not_depend_on_replicas(sequences: EventSequences) -> None:
    one, two = (plan_training(sequences, 2, CHUNK, replicas=replicas) for replicas in (1, 2))
    users = [[set(np.concatenate([s.user for s in shares])) - {0} for shares in plan.groups] for plan in (one, two)]
    assert users[0] == users[1] == [{4, 6}, {1, 5}, {7, 3}]


def test_the_last_chunks_alone(sequences: EventSequences) -> None:
    for user, fed, targets in scored(list(plan_training(sequences, 3, CHUNK, last_chunks=2).shares())):
        own = events(sequences, user, LENGTHS[user - 1][0])[-2 * CHUNK - 1 :]
        assert (fed, targets) == (own[:-1], own[1:])


def test_scoring_feeds_everything_before_and_scores_the_split(sequences: EventSequences) -> None:
    for split, until in ((Split.VALID, 2), (Split.TEST, 3)):
        expected = []
        for user, counts in enumerate(LENGTHS, start=1):
            own = events(sequences, user, sum(counts[:until]))
            if counts[until - 1]:
                expected.append((user, own[:-1], own[len(own) - counts[until - 1] :]))
        assert scored(list(plan_scoring(sequences, split, 3, CHUNK).shares())) == expected


@pytest.mark.parametrize("first_chunks", [0, 1, 2])
def test_interleaved_feeds_the_split_and_never_scores_its_first(first_chunks: int) -> None:
    sequences = random_events(VALIDATED, 20)
    plan = plan_interleaved(sequences, Split.VALID, 3, CHUNK, first_chunks)
    training = plan_training(sequences, 3, CHUNK)
    for (one,), (other,) in zip(plan.groups, training.groups, strict=True):
        np.testing.assert_array_equal(one.user, other.user)
    for user, fed, targets in scored(list(plan.shares())):
        train, valid, _ = VALIDATED[user - 1]
        own = events(sequences, user, train + valid)[train:]
        # The authors cut whole events: of a chunk's four, three are scored.
        own = own[: first_chunks * CHUNK] if first_chunks else own
        assert (fed, targets) == (own[:-1], own[1:])


def test_rolling_feeds_all_training_events(sequences: EventSequences) -> None:
    found = scored(list(plan_rolling(sequences, 3, CHUNK).shares()))
    assert found == [(u, events(sequences, u, n), []) for u, (n, _, _) in enumerate(LENGTHS, start=1)]


def test_until_feeds_what_lies_before_the_last_position(sequences: EventSequences) -> None:
    begin = sequences.user_splits
    positions = np.array([begin[3] + 7, begin[1] + 13, begin[3] + 2, begin[5]])
    found = scored(list(plan_until(sequences, positions, 3, CHUNK).shares()))
    assert found == [(1, events(sequences, 1, 13), []), (3, events(sequences, 3, 7), [])]


def test_frequent_items_come_first(sequences: EventSequences) -> None:
    plan = plan_training(sequences, 3, CHUNK)
    count = np.bincount(np.concatenate([events(sequences, u, n) for u, (n, _, _) in enumerate(LENGTHS, 1) if n > 1]))
    found = frequent_items(plan, 5)
    assert found.dtype == np.int32
    assert count[found].tolist() == np.sort(count)[::-1][:5].tolist()
    assert sorted(frequent_items(plan, 1_000)) == np.flatnonzero(count).tolist()
