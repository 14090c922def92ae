"""Adds later events to those that a model holds, with the model's user and item indices."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.arrays import take_rows
from rrn_tf.data.events import EventSequences
from rrn_tf.data.rows import time_order
from rrn_tf.features import Split


class NamedEvents(NamedTuple):
    """N events in the order in which they were read.

    Attributes:
      user_id, item_id: object[N].
      timestamp: int64[N], unix seconds.
    """

    user_id: npt.NDArray[np.object_]
    item_id: npt.NDArray[np.object_]
    timestamp: npt.NDArray[np.int64]


class LaterEvents(NamedTuple):
    """N events, in the order in which they were read, that are not yet part of the held ones.

    Attributes:
      user, item: int64[N], indices; those above the held users' and items' are new.
      timestamp: int64[N], unix seconds.
    """

    user: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    timestamp: npt.NDArray[np.int64]


def known_items(held: EventSequences, item_id: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Returns bool[N]: whether each id is that of a held item."""
    return np.asarray(pd.Categorical(item_id, categories=held.item_ids).codes >= 0)


def number(held: EventSequences, events: NamedEvents) -> tuple[EventSequences, LaterEvents]:
    """Assigns indices to events: those of held users and items, and new ones above them in order of appearance.

    Returns:
      The held events among all users and items, and the events with indices.
    """
    user, user_ids = _numbered(held.user_ids, events.user_id)
    item, item_ids = _numbered(held.item_ids, events.item_id)
    splits = np.pad(held.user_splits, (0, len(user_ids) - held.num_users), mode="edge")
    return replace(held, user_splits=splits, user_ids=user_ids, item_ids=item_ids), LaterEvents(
        user, item, events.timestamp
    )


def among(held: EventSequences, later: LaterEvents) -> npt.NDArray[np.bool_]:
    """Returns bool[N]: whether a later event equals a held one in user, item and second."""
    known = pd.MultiIndex.from_arrays([held.user.astype(np.int64), held.item.astype(np.int64), held.timestamp])
    return np.asarray(pd.MultiIndex.from_arrays(list(later)).isin(known))


def first_of_each(later: LaterEvents) -> npt.NDArray[np.bool_]:
    """Returns bool[N]: whether no earlier element has the same user, item and second."""
    return ~pd.DataFrame(later._asdict()).duplicated().to_numpy()


def join(held: EventSequences, later: LaterEvents, new_users: int) -> EventSequences:
    """Appends later events, in order of time, to each user's held ones: as `TEST_COLD` for new users, else `TEST`."""
    ordered = take_rows(later, np.lexsort((later.timestamp, later.user)))
    user = np.concatenate([held.user, ordered.user])
    order = np.argsort(user, kind="stable")
    cold = ordered.user > held.num_users - new_users
    split = np.where(cold, Split.TEST_COLD, Split.TEST).astype(np.uint8)
    return replace(
        held,
        user_splits=np.concatenate([[0], np.cumsum(np.bincount(user, minlength=held.num_users + 1))]),
        item=np.concatenate([held.item, ordered.item])[order].astype(np.int32),
        timestamp=np.concatenate([held.timestamp, ordered.timestamp])[order],
        split=np.concatenate([held.split, split])[order],
    )


def as_training(events: EventSequences) -> EventSequences:
    """Makes all events training events, each user's in order of time; events of one second keep their order."""
    order = time_order(events.user, events.timestamp, np.arange(len(events.item), dtype=np.int32))
    return replace(
        events,
        item=events.item[order],
        timestamp=events.timestamp[order],
        split=np.full(len(order), Split.TRAIN, np.uint8),
        context=None,
    )


def before_last(held: EventSequences, later: LaterEvents) -> npt.NDArray[np.bool_]:
    """Returns bool[N]: whether a later event precedes its user's last held one."""
    last = np.full(held.num_users + 1, np.iinfo(np.int64).min)
    np.maximum.at(last, held.user, held.timestamp)
    return np.asarray(later.timestamp < last[later.user])


def _numbered(
    ids: npt.NDArray[np.object_], given: npt.NDArray[np.object_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]:
    """Returns the indices, from 1, of given ids, and all ids."""
    known = pd.Categorical(given, categories=ids).codes.astype(np.int64) + 1
    new, names = pd.factorize(given[known == 0])
    known[known == 0] = len(ids) + 1 + new
    return known, np.concatenate([ids, np.asarray(names, object)])
