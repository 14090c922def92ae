"""What is known of each event before it happens, in numbers: how long the history is, what time it is, what repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.event_scores import Positions, positions_of, previous_items
from rrn_tf.data.events import EventSequences
from rrn_tf.data.shared_counts import DISTRIBUTIONS, SharedCounts
from rrn_tf.features import Split

FloatArray = npt.NDArray[np.float32]

FEATURES = (
    "events so far",
    "hours since the last",
    "times in this context",
    "ever in this context",
    "recent share of repeats",
    "share of repeats",
    "others in this context",
    "sine of the day",
    "cosine of the day",
    "sine of the week",
    "cosine of the week",
)
OF_TIME = (
    "hours since the last",
    "sine of the day",
    "cosine of the day",
    "sine of the week",
    "cosine of the week",
)
HOUR, DAY, WEEK = 3_600, 86_400, 604_800
RECENT, FORGETTING, USUAL = 64, 0.08, 0.7  # events of the recent share, its rate, and the share before any event
SCALE = 3.0  # of logarithms


class EventContext(NamedTuple):
    """Of N events, in the order of `EventSequences`.

    Attributes:
      features: float32[N, 11], `FEATURES`.
      shared: float32[N, 5], log-probabilities of the events' items by `SharedCounts`.
      window: how many events of a user are looked back upon.
    """

    features: FloatArray
    shared: FloatArray
    window: int


def with_context(
    sequences: EventSequences, counts: SharedCounts, window: int, *, clock: bool, splits: Sequence[Split] = tuple(Split)
) -> EventSequences:
    """The events with features and shared log-probabilities, from earlier ones of their users and training counts.

    Args:
      sequences: the events.
      counts: of their training events.
      window: how many events of a user are looked back upon.
      clock: whether time counts, or order alone: then the features of time are 0.
      splits: whose events have log-probabilities.
    """
    positions = np.arange(len(sequences.item))
    features = features_of(sequences, counts.others_total(sequences, positions), window)
    if not clock:
        features[:, [FEATURES.index(name) for name in OF_TIME]] = 0
    shared = np.zeros((len(positions), len(DISTRIBUTIONS)), np.float32)
    asked = positions_of(sequences, splits)
    shared[asked] = counts.log_probabilities(sequences, asked)
    return replace(sequences, context=EventContext(features, shared, window))


def features_of(sequences: EventSequences, others: npt.NDArray[np.float64], window: int) -> FloatArray:
    """float32[N, 11] of all events; `others` are the events of others in the context of each, float64[N]."""
    positions = np.arange(len(sequences.item))
    place = positions - sequences.user_splits[sequences.user]
    seen = np.minimum(place, window)
    before = np.where(place > 0, sequences.timestamp[np.maximum(positions - 1, 0)], sequences.timestamp)
    gap = np.maximum(sequences.timestamp - before, 0) / HOUR
    same = _earlier_of_a_kind(sequences.user, previous_items(sequences, positions), place, window)
    repeated = repeats(sequences, window)
    total = np.concatenate([[0], np.cumsum(repeated)])
    share = (total[positions] - total[positions - seen] + 2 * USUAL) / (seen + 2)
    recent, kept = np.zeros(len(positions)), np.minimum(seen, RECENT)
    for age in range(1, RECENT + 1):
        old = FORGETTING * (1 - FORGETTING) ** (age - 1)
        recent += np.where(kept >= age, old * repeated[np.maximum(positions - age, 0)], 0)
    day, week = (2 * np.pi * (sequences.timestamp % span) / span for span in (DAY, WEEK))
    columns = [
        np.log1p(place) / SCALE,
        np.log1p(gap) / SCALE,
        np.log1p(same) / SCALE,
        same > 0,
        recent + USUAL * (1 - FORGETTING) ** kept,
        share,
        np.log1p(np.maximum(others, 0)) / SCALE,
        np.sin(day),
        np.cos(day),
        np.sin(week),
        np.cos(week),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def repeats(sequences: EventSequences, window: int) -> npt.NDArray[np.bool_]:
    """bool[N], whether the item of an event is among those of the last `window` events of its user."""
    place = np.arange(len(sequences.item)) - sequences.user_splits[sequences.user]
    return _earlier_of_a_kind(sequences.user, sequences.item, place, window) > 0


def _earlier_of_a_kind(
    user: npt.NDArray[np.integer], kind: npt.NDArray[np.integer], place: Positions, window: int
) -> npt.NDArray[np.int64]:
    """int64[N], how many of a user's last `window` events are of the kind of each event; none are of kind 0."""
    order = np.lexsort((place, kind, user))
    group = np.concatenate([[True], (np.diff(user[order]) != 0) | (np.diff(kind[order]) != 0)])[: len(order)].cumsum()
    reach = int(place.max(initial=0)) + 1
    key = group * reach + place[order]
    low = group * reach + np.maximum(place[order] - window, 0)
    found = np.empty(len(order), np.int64)
    found[order] = np.arange(len(order)) - np.searchsorted(key, low)
    return np.where(kind > 0, found, 0)
