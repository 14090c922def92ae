"""Which items a user has met, against sets made event by event."""

from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.data.events import EventSequences
from rrn_tf.data.own_items import OwnItems
from tests.events import random_events, with_items

ITEMS = 9


@pytest.fixture(scope="module")
def sequences() -> EventSequences:
    return random_events([(6, 2, 2), (0, 0, 0), (1, 0, 3), (12, 1, 0)], ITEMS, seed=2)


def met_before(sequences: EventSequences, position: int) -> set[int]:
    """Items of the earlier events of the event's user."""
    return set(sequences.item[sequences.user_splits[sequences.user[position]] : position].tolist())


def test_items_met_before_are_those_of_all_earlier_events(sequences: EventSequences) -> None:
    own, positions = OwnItems(sequences), np.random.default_rng(0).permutation(len(sequences.item))
    row, item = own.before(positions)
    for place, position in enumerate(positions):
        assert sorted(item[row == place].tolist()) == sorted(met_before(sequences, position))
        assert own.repeated[position] == (sequences.item[position] in met_before(sequences, position))
    assert [len(part) for part in own.before(positions[:0])] == [0, 0]


def test_probabilities_of_new_items_add_up_to_one(sequences: EventSequences) -> None:
    own, rng = OwnItems(sequences), np.random.default_rng(1)
    positions = np.flatnonzero(~own.repeated)
    scores = np.log(rng.dirichlet(np.ones(ITEMS), len(positions))).astype(np.float32)
    before = scores.copy()
    found = own.without(scores, positions)
    for row, position in enumerate(positions):
        p = np.exp(scores[row].astype(np.float64))
        p[[item - 1 for item in met_before(sequences, position)]] = 0
        np.testing.assert_allclose(np.exp(found[row]), p / p.sum(), rtol=1e-5)
    np.testing.assert_array_equal(scores, before)


def test_later_events_change_nothing(sequences: EventSequences) -> None:
    position = int(sequences.user_splits[4] + 3)
    changed = sequences.item.copy()
    changed[position:] = 1
    before, after = (OwnItems(of).before(np.arange(position + 1)) for of in (sequences, with_items(sequences, changed)))
    for one, two in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, two)
