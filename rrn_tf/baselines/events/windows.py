"""Windows of bounded length over each user's events, padded to rectangular arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.event_scores import Positions, previous_items
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split

_STEPS = 32  # the fewest batches of an epoch: with few windows, batches are made smaller
_LENGTH_NOISE = 6.0  # noise, in steps, on the lengths that windows are sorted by, so that batches differ by epoch


class Windows(NamedTuple):
    """B windows of up to T time steps, padded at the end.

    Attributes:
      user: int32[B], user of each window.
      previous: int32[B, T], the item before each event, 0 if there is none and at padding.
      item: int32[B, T], the item of each event, 0 at padding.
    """

    user: npt.NDArray[np.int32]
    previous: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]


def windows(sequences: EventSequences, begin: Positions, length: Positions) -> Windows:
    """Cuts windows of `length` events that start at positions `begin`, both int64[B]."""
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
    """Yields every training event once, in windows with random boundaries, batched by length in random order.

    Args:
      sequences: the events.
      train: int64[N], positions of the training events, ascending.
      most: the most steps of a window.
      batch: the most windows of a batch.
      rng: generator that draws the boundaries and shuffles.
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
