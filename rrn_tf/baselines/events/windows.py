"""Bounded stretches of each user's events, as rectangles for networks that read a sequence from its beginning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.event_scores import Positions, previous_items
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split

_STEPS = 32  # that an epoch should have: of few windows, batches are smaller
_LENGTH_NOISE = 6.0  # steps by which lengths may differ more than they have to, so that batches change


class Windows(NamedTuple):
    """B stretches of up to T steps; padding is at the end.

    Attributes:
      user: int32[B].
      previous: int32[B, T], the item before each event, 0 where there is none and at padding.
      item: int32[B, T], the items themselves, 0 at padding.
    """

    user: npt.NDArray[np.int32]
    previous: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]


def windows(sequences: EventSequences, begin: Positions, length: Positions) -> Windows:
    """The events from `begin` on, `length` of each: int64[B] both."""
    step = np.arange(int(length.max(initial=1)))
    inside = step < length[:, np.newaxis]
    place = np.where(inside, begin[:, np.newaxis] + step, 0)
    previous = previous_items(sequences, place.ravel()).reshape(place.shape)
    return Windows(
        sequences.user[begin],
        np.where(inside, previous, 0).astype(np.int32),
        np.where(inside, sequences.item[place], 0).astype(np.int32),
    )


def training_windows(
    sequences: EventSequences, train: Positions, most: int, batch: int, rng: np.random.Generator
) -> Iterator[Windows]:
    """All training events once, cut at a random step of each user, in batches of similar lengths in random order.

    Args:
      sequences: the events.
      train: int64[N], positions of the training events, ascending.
      most: steps of a window.
      batch: the most windows of a batch.
      rng: cuts and shuffles.
    """
    user, place = sequences.user[train], train - sequences.user_splits[sequences.user[train]]
    long = sequences.counts([Split.TRAIN])[user] > most
    phase = rng.integers(most, size=sequences.num_users + 1)[user] * long
    number = (place + phase) // most
    first = np.flatnonzero(np.diff(user, prepend=-1).astype(bool) | np.diff(number, prepend=-1).astype(bool))
    length = np.diff(first, append=len(train))
    order = np.argsort(length + _LENGTH_NOISE * rng.random(len(length)))
    size = max(min(batch, len(order) // _STEPS), 1)
    batches = np.split(order, np.arange(size, len(order), size))
    for at in rng.permutation(len(batches)):
        chosen = batches[at]
        yield windows(sequences, train[first[chosen]], length[chosen])
