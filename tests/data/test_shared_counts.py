"""Counts of others: distributions that add up to 1, without the user's own events; features by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.data.event_context import FEATURES, OF_TIME, repeats, with_context
from rrn_tf.data.event_scores import positions_of, previous_items
from rrn_tf.data.events import EventSequences
from rrn_tf.data.shared_counts import ABSENT, SharedCounts
from rrn_tf.features import Split
from tests.events import RHYTHMIC_ITEMS, rhythmic_events, with_items

ITEMS, WINDOW = RHYTHMIC_ITEMS, 5


@pytest.fixture(scope="module")
def sequences() -> EventSequences:
    return rhythmic_events()


def test_later_events_have_the_probabilities_of_the_distributions(sequences: EventSequences) -> None:
    counts, later = SharedCounts(sequences), positions_of(sequences, [Split.VALID, Split.TEST])
    dense = counts.distributions(sequences.user[later], previous_items(sequences, later))
    total = dense.sum(axis=2)
    assert ((np.abs(total - 1) < 1e-5) | (total == 0)).all()
    found = counts.log_probabilities(sequences, later)
    expected = dense[np.arange(len(later)), :, sequences.item[later] - 1]
    present = found > ABSENT / 2
    np.testing.assert_array_equal(present, total > 0)
    np.testing.assert_allclose(np.exp(found[present]), expected[present], atol=1e-6)


def test_a_users_own_events_count_nowhere(sequences: EventSequences) -> None:
    """Another history of one user changes nothing of what others say to that user, training events included."""
    mine = np.flatnonzero((sequences.user == 3) & (sequences.split == Split.TRAIN))
    changed = sequences.item.copy()
    changed[mine[:-1]] = changed[mine[:-1]][::-1]
    other = with_items(sequences, changed)
    asked, items = np.full(ITEMS, 3), np.arange(ITEMS)
    before, after = (SharedCounts(of).distributions(asked, items) for of in (sequences, other))
    np.testing.assert_array_equal(before, after)


def test_later_events_are_not_counted(sequences: EventSequences) -> None:
    changed = np.where(sequences.split == Split.TRAIN, sequences.item, 1)
    train = positions_of(sequences, [Split.TRAIN])
    counts = [SharedCounts(of) for of in (sequences, with_items(sequences, changed))]
    np.testing.assert_array_equal(*(of.log_probabilities(sequences, train) for of in counts))


def test_two_grams_of_training_events_are_those_of_others(sequences: EventSequences) -> None:
    train = positions_of(sequences, [Split.TRAIN])
    previous, found = previous_items(sequences, train), SharedCounts(sequences).log_probabilities(sequences, train)
    for row in range(0, len(train), 7):
        alike = (previous == previous[row]) & (sequences.user[train] != sequences.user[train[row]]) & (previous > 0)
        if not alike.any():
            assert found[row, 0] == ABSENT
            continue
        share = np.mean(sequences.item[train[alike]] == sequences.item[train[row]])
        assert np.exp(found[row, 0]) == pytest.approx(share, abs=1e-6)


def test_two_grams_of_first_meetings_are_those_of_a_loop(sequences: EventSequences) -> None:
    train = positions_of(sequences, [Split.TRAIN])
    met, kept = set(), []
    for position, before in zip(train, previous_items(sequences, train), strict=True):
        user, item = int(sequences.user[position]), int(sequences.item[position])
        if (user, item) not in met and before > 0:
            kept.append((user, int(before), item))
        met.add((user, item))
    asked = np.arange(len(sequences.item))[::3]
    previous, found = previous_items(sequences, asked), SharedCounts(sequences).log_probabilities(sequences, asked)
    present = 0
    for row, position in enumerate(asked):
        after = [item for user, before, item in kept if before == previous[row] and user != sequences.user[position]]
        if not after:
            assert found[row, 3] == ABSENT
            continue
        present += 1
        assert np.exp(found[row, 3]) == pytest.approx(np.mean(np.array(after) == sequences.item[position]), abs=1e-6)
    assert present


def test_features_are_those_of_a_loop(sequences: EventSequences) -> None:
    context = with_context(sequences, SharedCounts(sequences), WINDOW, clock=True).context
    assert context is not None
    again = repeats(sequences, WINDOW)
    for position in range(0, len(sequences.item), 5):
        first = sequences.user_splits[sequences.user[position]]
        last = range(max(first, position - WINDOW), position)
        assert again[position] == (sequences.item[position] in [sequences.item[p] for p in last])
        named = dict(zip(FEATURES, context.features[position].tolist(), strict=True))
        same = sum(sequences.item[p - 1] == sequences.item[position - 1] for p in last if p > first)
        assert named["times in this context"] == pytest.approx(np.log1p(same) / 3, rel=1e-5)
        assert named["events so far"] == pytest.approx(np.log1p(position - first) / 3, rel=1e-5)
        share, recent = [again[p] for p in last], 0.7
        for p in last:
            recent += 0.08 * (again[p] - recent)
        assert named["fraction of repeats"] == pytest.approx((sum(share) + 1.4) / (len(share) + 2), rel=1e-5)
        assert named["recent fraction of repeats"] == pytest.approx(recent, rel=1e-5)


def test_order_alone_has_no_time(sequences: EventSequences) -> None:
    context = with_context(sequences, SharedCounts(sequences), WINDOW, clock=False).context
    assert context is not None
    of_time = [FEATURES.index(name) for name in OF_TIME]
    assert not context.features[:, of_time].any()
