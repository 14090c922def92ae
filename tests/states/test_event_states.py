"""States of events: the same bits whoever else is computed beside a user, and however events are divided."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.states.event_states import EventRoller

USERS, ITEMS, EACH = 21, 9, 30


def of_counts(counts: np.ndarray, item: np.ndarray) -> EventSequences:
    return EventSequences(
        user_splits=np.concatenate([[0, 0], np.cumsum(counts)]),
        item=item.astype(np.int32),
        timestamp=np.arange(len(item)),
        split=np.full(len(item), Split.TRAIN, np.uint8),
        user_ids=np.array([f"user {n}" for n in range(USERS)], dtype=object),
        item_ids=np.array([f"item {n}" for n in range(ITEMS)], dtype=object),
    )


@pytest.mark.parametrize("units", [7, 8])
def test_pieces_give_the_same_bits(units: int, rng: np.random.Generator) -> None:
    """Of 7 units some are left over by vector instructions where a group has an odd number of users."""
    tf.keras.utils.set_random_seed(1)
    roller = EventRoller(CollaborativeRNN(USERS, ITEMS, units=units, matrices="shared"))
    item = rng.integers(1, ITEMS + 1, (USERS, EACH))
    whole = roller.states(of_counts(np.full(USERS, EACH), item.ravel()))
    assert np.abs(whole[1:]).min(axis=1).max() > 0
    # All users have a first piece, three of them alone a second one, and then again all.
    first = rng.integers(1, EACH, USERS)
    second = np.where(np.arange(USERS) < 3, rng.integers(first, EACH), first)
    states, place = None, np.arange(EACH)
    for begin, end in ((0 * first, first), (first, second), (second, np.full(USERS, EACH))):
        inside = (place >= np.broadcast_to(begin, USERS)[:, np.newaxis]) & (place < end[:, np.newaxis])
        states = roller.states(of_counts(inside.sum(axis=1), item[inside]), start=states)
    np.testing.assert_array_equal(states, whole)
