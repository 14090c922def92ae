"""The rules of the Collaborative RNN paper on the events of users, in numpy: order, diversity and held-out events.

They are applied in this order. Items with few events are left out; then users with few of the remaining events; then
users with a low entropy of their remaining events, held-out ones included. Then the last events of each user are held
out, and of these the events of items without a training event are left out.

If validation events come from a file of their own (`split_by_source`), the first three rules apply to the other events
alone, which are all training events. A validation event is left out if its user has no training events, if it is not
later than all of them, or if its item has no training event.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.data.arrays import take_rows
from rrn_tf.data.rows import Positions, segment_starts, time_order
from rrn_tf.features import Split

# Keys by which `EventMetadata` counts what each rule left out, in the order of the rules.
ITEM_EVENTS, USER_EVENTS, USER_ENTROPY, UNTRAINED_ITEM = "item_events", "user_events", "user_entropy", "untrained_item"
# Keys of the further rules for validation events from a file of their own; they apply before the last rule.
UNTRAINED_USER, NOT_LATER = "untrained_user", "not_later"


class Dropped(NamedTuple):
    """Numbers of events that a rule left out, and of users and items that lost all of their events by it."""

    events: int
    users: int = 0
    items: int = 0


class CodedEvents(NamedTuple):
    """N events in any order.

    Attributes:
      user, item: int32[N], indices.
      timestamp: int64[N], unix seconds.
      position: int64[N], all different; it orders the events of one user and second.
    """

    user: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    timestamp: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]

    @classmethod
    def empty(cls) -> CodedEvents:
        """Returns an instance without events."""
        index, number = np.empty(0, np.int32), np.empty(0, np.int64)
        return cls(index, index, number, number)


class SplitEvents(NamedTuple):
    """N events in order of user and time.

    Attributes:
      user, item: int32[N], indices.
      timestamp: int64[N], unix seconds.
      split: uint8[N], `Split` codes, ascending within a user.
    """

    user: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    timestamp: npt.NDArray[np.int64]
    split: npt.NDArray[np.uint8]


def in_order(events: CodedEvents) -> CodedEvents:
    """Sorts events by (user, timestamp, position)."""
    ranked = take_rows(events, np.argsort(events.position))
    # The rank needs fewer bits than the position, so that the sort can pack its key.
    return take_rows(ranked, time_order(ranked.user, ranked.timestamp, np.arange(len(ranked.user), dtype=np.int32)))


def item_entropy(user: npt.NDArray[np.int32], item: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Computes the Shannon entropy, in nats, of each user's distribution over items.

    Args:
      user: int32[N], ascending.
      item: int32[N].

    Returns:
      float64[distinct users], in order of the users.
    """
    if not len(user):
        return np.empty(0)
    pairs = np.sort((user.astype(np.int64) << 32) | item)
    first = segment_starts(pairs)
    count = np.diff(first, append=len(pairs))
    users = segment_starts(pairs[first] >> 32)
    probability = count / np.repeat(np.add.reduceat(count, users), np.diff(users, append=len(first)))
    return -np.add.reduceat(probability * np.log(probability), users)


def split_by_position(count: Positions, config: EventDataConfig) -> npt.NDArray[np.uint8]:
    """Assigns splits to each user's events, in order of time.

    Args:
      count: int64[users], number of events of each user, at least 1.
      config: `holdout`, its bounds and `validation`.

    Returns:
      uint8[sum of count], `Split` codes: training events, then those of validation, then those of test.
    """
    last = _held_out(count, config)
    names = (Split.TRAIN, Split.VALID, Split.TEST) if config.validation else (Split.TRAIN, Split.VALID)
    sizes = [last]
    if config.validation:
        sizes.insert(0, _held_out(count - last, config))
    sizes.insert(0, count - np.sum(sizes, axis=0))
    return np.repeat(np.tile(np.array(names, np.uint8), len(count)), np.stack(sizes, axis=1).ravel())


def _held_out(count: Positions, config: EventDataConfig) -> Positions:
    nearest = np.floor(config.holdout * count + 0.5).astype(np.int64)
    return np.minimum(np.clip(nearest, config.min_holdout, config.max_holdout), count - 1)


def split_diverse_users(events: CodedEvents, config: EventDataConfig) -> tuple[SplitEvents, dict[str, Dropped]]:
    """Applies the rules on entropy and on held-out events to all events of some users.

    Args:
      events: in any order.
      config: settings of the rules.

    Returns:
      The events of diverse users in order of user and time, and the numbers left out by rule.
    """
    kept, count, dropped = _of_diverse_users(events, config)
    split = split_by_position(count, config)
    return SplitEvents(kept.user, kept.item, kept.timestamp, split), dropped


def split_by_source(
    events: CodedEvents, later: CodedEvents, config: EventDataConfig
) -> tuple[SplitEvents, dict[str, Dropped]]:
    """Makes the events of diverse users training events, and later events of these users validation events.

    Args:
      events: all training events of some users, in any order.
      later: validation events, in any order; item 0 is one that the rules on `events` left out.
      config: settings of the rule on entropy.

    Returns:
      The remaining events in order of user and time, and the numbers left out by rule.
    """
    kept, count, dropped = _of_diverse_users(events, config)
    last = np.cumsum(count) - 1
    users, end = kept.user[last], kept.timestamp[last]
    place = np.searchsorted(users, later.user)
    trained = np.append(users, -1)[place] == later.user
    after = trained & (later.timestamp > np.append(end, 0)[place])
    added = in_order(take_rows(later, after))
    user = np.concatenate([kept.user, added.user])
    split = np.repeat(np.array([Split.TRAIN, Split.VALID], np.uint8), [len(kept.user), len(added.user)])
    whole = SplitEvents(
        user,
        np.concatenate([kept.item, added.item]),
        np.concatenate([kept.timestamp, added.timestamp]),
        split,
    )
    return take_rows(whole, np.argsort(user, kind="stable")), {
        **dropped,
        UNTRAINED_USER: Dropped(int((~trained).sum()), len(np.unique(later.user[~trained]))),
        NOT_LATER: Dropped(int((trained & ~after).sum())),
    }


def _of_diverse_users(
    events: CodedEvents, config: EventDataConfig
) -> tuple[CodedEvents, Positions, dict[str, Dropped]]:
    """Returns the sorted events of diverse users, the number of events of each, and the numbers left out by rule."""
    ordered = in_order(events)
    first = segment_starts(ordered.user)
    count = np.diff(first, append=len(ordered.user))
    diverse = item_entropy(ordered.user, ordered.item) > config.min_user_entropy
    kept = take_rows(ordered, np.repeat(diverse, count))
    dropped = Dropped(len(ordered.user) - len(kept.user), int((~diverse).sum()))
    return kept, count[diverse], {USER_ENTROPY: dropped}
