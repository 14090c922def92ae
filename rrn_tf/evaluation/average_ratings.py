"""The average rating of items through time, always by the same sampled users (Section 4.3 of the RRN paper)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.sequences import RatingSequences
from rrn_tf.features import Side
from rrn_tf.states.through_time import StatesThroughTime

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
_PAIRS = 1 << 16  # users times pairs of items and times that are computed at once


class AverageRatings(NamedTuple):
    """What U sampled users would give I items at T times, whether they rated them or not.

    Attributes:
      users: int64[U], indices in the sequences.
      items: int64[I], indices in the sequences.
      timestamps: int64[T], unix seconds.
      of_items: float32[I, T], the average over the users.
      of_users: float32[U, T], the average over the items.
    """

    users: Ints
    items: Ints
    timestamps: Ints
    of_items: Floats
    of_users: Floats


class PairAverages(NamedTuple):
    """The average rating of N items, each at a time of its own, by the sampled users.

    Attributes:
      mean: float32[N].
      error: float32[N], its standard error over users.
    """

    mean: Floats
    error: Floats


def sampled_users(sequences: RatingSequences, count: int, seed: int) -> Ints:
    """Draws users with training ratings, once for all times: int64[min(count, users)], in order of their indices."""
    users = sequences.metadata.users.trained
    chosen = np.random.default_rng(seed).choice(users, min(count, users), replace=False)
    return np.sort(chosen.astype(np.int64)) + 1


def training_counts(sequences: RatingSequences, side: Side) -> Ints:
    """Returns the number of training ratings of each entity: int64[E + 1]."""
    data = sequences.side(side)
    inside = data.step[data.rating_row] < 0
    return np.bincount(data.row_entity[data.rating_row[inside]], minlength=len(data.row_splits) - 1)


def first_rated(sequences: RatingSequences, side: Side) -> Ints:
    """Returns when each entity was first rated, or first rated: int64[E + 1]; the cutoff if not in training."""
    data, cutoff = sequences.side(side), sequences.metadata.cutoff
    found = np.full(len(data.row_splits) - 1, cutoff, np.int64)
    rated = np.flatnonzero(data.training_rows)
    found[rated] = data.times(data.rating_splits[data.row_splits[rated]])
    return found


def average_ratings(states: StatesThroughTime, users: Ints, items: Ints, timestamps: Ints) -> AverageRatings:
    """Averages the ratings of all users for all items at all times, by one product of matrices a time.

    Args:
      states: the network through time.
      users, items: int64[U] and int64[I], indices in the sequences.
      timestamps: int64[T], unix seconds.
    """
    of_items = np.empty((len(items), len(timestamps)), np.float32)
    of_users = np.empty((len(users), len(timestamps)), np.float32)
    for place, time in enumerate(timestamps):
        rating = ratings_at(states, users, items, int(time))
        of_items[:, place], of_users[:, place] = rating.mean(axis=0), rating.mean(axis=1)
    return AverageRatings(users, items, timestamps, of_items, of_users)


def ratings_at(states: StatesThroughTime, users: Ints, items: Ints, timestamp: int) -> Floats:
    """Predicts the ratings of all users for all items at one time: float32[U, I]."""
    vectors = [
        states.vectors(side, entity, np.full(len(entity), timestamp, np.int64))
        for side, entity in ((Side.USER, users), (Side.ITEM, items))
    ]
    return states.clip(vectors[0] @ vectors[1].T)


def average_ratings_of_pairs(states: StatesThroughTime, users: Ints, item: Ints, timestamp: Ints) -> PairAverages:
    """Averages the ratings of all users for N items, each at a time of its own.

    Args:
      states: the network through time.
      users: int64[U].
      item, timestamp: int64[N].
    """
    mean, error = (np.empty(len(item), np.float32) for _ in range(2))
    size = max(1, _PAIRS // max(len(users), 1))
    for begin in range(0, len(item), size):
        part = np.arange(begin, min(begin + size, len(item)))
        who, when = np.tile(users, len(part)), np.repeat(timestamp[part], len(users))
        of_users = states.vectors(Side.USER, who, when).reshape(len(part), len(users), -1)
        of_items = states.vectors(Side.ITEM, item[part], timestamp[part])
        rating = states.clip(np.einsum("nud,nd->nu", of_users, of_items))
        mean[part] = rating.mean(axis=1)
        error[part] = rating.std(axis=1, ddof=1) / np.sqrt(len(users)) if len(users) > 1 else np.nan
    return PairAverages(mean, error)


def calendar(sequences: RatingSequences, count: int) -> Ints:
    """Returns evenly spaced times from the first training rating to the last second before the cutoff: int64[count]."""
    last = sequences.metadata.cutoff - 1
    return np.linspace(sequences.user.earliest(last), last, count).astype(np.int64)
