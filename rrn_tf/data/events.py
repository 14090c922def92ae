"""Events in memory: which user met which item at what time, in order of time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rrn_tf.features import Split

if TYPE_CHECKING:
    from rrn_tf.data.event_context import EventContext


@dataclass(frozen=True)
class EventSequences:
    """All events of U users with M items; the training events of a user come first.

    Attributes:
      user_splits: int64[U + 2], positions where the events of each user begin and end (index from 1; 0, the unknown
        user, has none).
      item: int32[N], item index from 1.
      timestamp: int64[N], unix seconds, ascending within a user.
      split: uint8[N], `Split.TRAIN`, `Split.VALID` or `Split.TEST`, ascending within a user.
      user_ids: object[U], the id of the user with index k + 1 at k.
      item_ids: object[M], likewise; every item has a training event.
      context: further inputs from which a mixture predicts each event, besides the network's states.
    """

    user_splits: npt.NDArray[np.int64]
    item: npt.NDArray[np.int32]
    timestamp: npt.NDArray[np.int64]
    split: npt.NDArray[np.uint8]
    user_ids: npt.NDArray[np.object_]
    item_ids: npt.NDArray[np.object_]
    context: EventContext | None = None

    @property
    def num_users(self) -> int:
        return len(self.user_ids)

    @property
    def num_items(self) -> int:
        return len(self.item_ids)

    @cached_property
    def user(self) -> npt.NDArray[np.int32]:
        """int32[N], user index of each event."""
        return np.repeat(np.arange(len(self.user_splits) - 1, dtype=np.int32), np.diff(self.user_splits))

    def counts(self, splits: Iterable[Split]) -> npt.NDArray[np.int64]:
        """Counts each user's events of the given splits: int64[U + 1]."""
        wanted = np.isin(self.split, [int(split) for split in splits])
        return np.bincount(self.user[wanted], minlength=len(self.user_splits) - 1)

    def has(self, split: Split) -> bool:
        """Whether there are events of a split."""
        return bool((self.split == split).any())

    def without(self, splits: Iterable[Split]) -> EventSequences:
        """Removes the events of some splits, and the context; users and items keep their indices."""
        return self.taken(~np.isin(self.split, [int(split) for split in splits]))

    def taken(self, kept: npt.NDArray[np.bool_]) -> EventSequences:
        """Selects events by a mask bool[N], without the context; users and items keep their indices."""
        counts = np.bincount(self.user[kept], minlength=len(self.user_splits) - 1)
        return EventSequences(
            np.concatenate([[0], np.cumsum(counts)]),
            self.item[kept],
            self.timestamp[kept],
            self.split[kept],
            self.user_ids,
            self.item_ids,
        )

    def renumbered(self, user_ids: npt.NDArray[np.object_]) -> tuple[EventSequences, npt.NDArray[np.int64]]:
        """Renumbers the users by a given list of ids, without the context; users not in the list follow after it.

        Args:
          user_ids: object[K], ids of the users 1 to K; those without events here have none afterwards.

        Returns:
          The events, and int64[N], the new position of each event.
        """
        number = {name: place for place, name in enumerate(user_ids, start=1)}
        new = [name for name in self.user_ids if name not in number]
        number.update({name: place for place, name in enumerate(new, start=len(user_ids) + 1)})
        user = np.array([0, *(number[name] for name in self.user_ids)], np.int64)[self.user]
        order = np.argsort(user, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        ids = np.array([*user_ids, *new], object)
        counts = np.bincount(user, minlength=len(ids) + 1)
        events = EventSequences(
            np.concatenate([[0], np.cumsum(counts)]),
            self.item[order],
            self.timestamp[order],
            self.split[order],
            ids,
            self.item_ids,
        )
        return events, place

    def equals(self, other: EventSequences) -> bool:
        """Returns whether both hold the same events of the same users, split alike."""
        names = [field.name for field in fields(self) if field.name != "context"]
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)
