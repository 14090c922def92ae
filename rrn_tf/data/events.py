"""Events of users in memory: who met which item when, in order of time."""

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
      user_splits: int64[U + 2], where the events of each user (index from 1; 0, the unknown one, has none) begin and
        end.
      item: int32[N], item index from 1.
      timestamp: int64[N], unix seconds, not falling within a user.
      split: uint8[N], `Split.TRAIN`, `Split.VALID` or `Split.TEST`, not falling within a user.
      user_ids: object[U], the id of the user with index k + 1.
      item_ids: object[M], likewise; every item has a training event.
      context: what a mixture predicts each event from, beside the network's states.
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
        """int64[U + 1], how many events of the given splits each user has."""
        wanted = np.isin(self.split, [int(split) for split in splits])
        return np.bincount(self.user[wanted], minlength=len(self.user_splits) - 1)

    def has(self, split: Split) -> bool:
        """Whether there are events of a split."""
        return bool((self.split == split).any())

    def without(self, splits: Iterable[Split]) -> EventSequences:
        """As if the events of some splits had never been, without context; users and items keep their indices."""
        return self.taken(~np.isin(self.split, [int(split) for split in splits]))

    def taken(self, kept: npt.NDArray[np.bool_]) -> EventSequences:
        """Some of the events, bool[N], without context; users and items keep their numbers."""
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
        """The same events, without context, with users numbered as elsewhere, others above them.

        Args:
          user_ids: object[K], of the users 1 to K there; those without events here have none.

        Returns:
          The events, and int64[N], where each of these is among them.
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
        """Whether both hold the same events of the same users, split alike."""
        names = [field.name for field in fields(self) if field.name != "context"]
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in names)
