"""The load of events."""

from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.bench.event_load import BRIGHTKITE, event_load
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.data.event_rules import split_by_position
from rrn_tf.features import Split


def test_the_load_has_the_sizes_asked_for() -> None:
    users, items, total = BRIGHTKITE
    events = event_load(users, items, total, seed=1)
    assert (events.num_users, events.num_items, len(events.item)) == BRIGHTKITE
    count = np.diff(events.user_splits)[1:]
    assert count.min() >= 11
    assert events.user_splits[:2].tolist() == [0, 0]
    assert (events.user == np.repeat(np.arange(1, users + 1), count)).all()
    np.testing.assert_array_equal(events.split, split_by_position(count, EventDataConfig()))
    assert np.unique(events.item[events.split == Split.TRAIN]).tolist() == list(range(1, items + 1))
    assert (np.diff(events.timestamp)[np.diff(events.user) == 0] > 0).all()
    assert np.median(count) < 0.7 * count.mean()
    popular = np.sort(np.bincount(events.item))[::-1]
    assert popular[: items // 10].sum() > 0.4 * total
    assert sorted(events.user_ids.tolist()) == events.user_ids.tolist()
    again = event_load(users, items, total, seed=1)
    np.testing.assert_array_equal(events.item, again.item)


def test_too_few_events_are_refused() -> None:
    with pytest.raises(ValueError, match="events should be at least 11 a user, found 100 of 10 users"):
        event_load(10, 5, 100, seed=0)
    with pytest.raises(ValueError, match="training events should be at least as many as items, found 140 and 150"):
        event_load(10, 150, 200, seed=0)
