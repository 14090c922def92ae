"""Prepared sequences in memory: both sides as flat arrays.

A *step* is a non-empty time step of an entity, or a part of one; names with `row` mean its index. Indices are global
within a side: the steps of entity e (index from 1) are ``row_splits[e] : row_splits[e + 1]``, in order of time; entity
0, the unknown one, has none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf import features
from rrn_tf.data.arrays import narrowed
from rrn_tf.data.interactions import Interactions
from rrn_tf.data.metadata import EntityCounts, SequenceMetadata
from rrn_tf.data.rows import PendingSteps, SideRatings, number_rows, segment_starts
from rrn_tf.data.wallclock import step_of
from rrn_tf.features import SIDES, Side, Split

_CHUNK = 1 << 20

# Indices of entities, and of steps on a side, are below 2**31.
INDEX = np.int32


class Divided(NamedTuple):
    """How the ratings of a side are divided among workers, each of which holds those of its own entities.

    Attributes:
      owner: int16[E + 1], the number of the worker that holds each entity's ratings; -1 if none does.
      step_ratings: int32[R], the number of ratings of each step, whoever holds them.
    """

    owner: npt.NDArray[np.int16]
    step_ratings: npt.NDArray[np.int32]


@dataclass(frozen=True)
class SideSequences:
    """All steps and ratings of one side: E entities, R steps, N ratings.

    Where the ratings are divided among workers, steps are all here, but ratings of the worker's own entities alone; the
    others' steps have none.

    Attributes:
      side: user or item side.
      row_splits: int64[E + 2], where the steps of each entity (0 included) begin and end.
      step: int64[R], time step of each step, relative to the cutoff; negative ones are training. Steps of one entity
        may have the same time step (`rrn_tf.data.steps`).
      rating_splits: int64[R + 1], where the ratings of each step begin and end.
      opposite: int32[N], entity index on the other side.
      opposite_row: int32[N], index of the other side's step that predicts this rating: its state
        includes only steps strictly before the rating's own.
      rating: float32[N].
      timestamp: int32[N], unix seconds, or int64[N] if there are times after 2038; for arithmetic see `times`.
      split: uint8[N], `Split` codes.
      divided: how the ratings are divided among workers; None if all are here.
    """

    side: Side
    row_splits: npt.NDArray[np.int64]
    step: npt.NDArray[np.int64]
    rating_splits: npt.NDArray[np.int64]
    opposite: npt.NDArray[np.int32]
    opposite_row: npt.NDArray[np.int32]
    rating: npt.NDArray[np.float32]
    timestamp: npt.NDArray[np.integer]
    split: npt.NDArray[np.uint8]
    divided: Divided | None = None

    @property
    def num_rows(self) -> int:
        return len(self.step)

    @property
    def all_rating_splits(self) -> npt.NDArray[np.int64]:
        """int64[R + 1], `rating_splits` as they would be if all ratings were here."""
        if self.divided is None:
            return self.rating_splits
        return np.concatenate([[0], np.cumsum(self.divided.step_ratings, dtype=np.int64)])

    @cached_property
    def row_entity(self) -> npt.NDArray[np.int32]:
        """int32[R], entity of each step."""
        return np.repeat(np.arange(len(self.row_splits) - 1, dtype=INDEX), np.diff(self.row_splits))

    @cached_property
    def place(self) -> npt.NDArray[np.int32]:
        """int32[R], number of each step within its entity, from 0."""
        first = np.repeat(self.row_splits[:-1].astype(INDEX), np.diff(self.row_splits))
        return np.arange(self.num_rows, dtype=INDEX) - first

    @cached_property
    def rating_row(self) -> npt.NDArray[np.int32]:
        """int32[N], step of each rating; `row_of` looks up those of some ratings."""
        return np.repeat(np.arange(self.num_rows, dtype=INDEX), np.diff(self.rating_splits))

    def row_of(self, positions: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Looks up the steps int64[n] of the ratings at positions int[n]."""
        return np.searchsorted(self.rating_splits, positions, side="right") - 1

    def times(self, positions: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Looks up the unix seconds int64[n] of the ratings at positions int[n]."""
        return self.timestamp[positions].astype(np.int64)

    def earliest(self, limit: int) -> int:
        """Returns the first rating's unix seconds, at most a limit, which is that of no ratings as well."""
        return min(limit, int(self.timestamp.min())) if len(self.timestamp) else limit

    def entity_of(self, positions: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
        """Looks up the entities int32[n] of the ratings at positions int[n]."""
        return self.row_entity[self.row_of(positions)]

    @cached_property
    def training_rows(self) -> npt.NDArray[np.int64]:
        """int64[E + 1], number of each entity's steps before the cutoff; these come first."""
        return np.bincount(self.row_entity[self.step < 0], minlength=len(self.row_splits) - 1)


@dataclass(frozen=True)
class RatingSequences:
    """A prepared data set: both sides, their vocabularies and the metadata.

    Where ratings are divided among workers (`divided`), positions are those of the ratings that are here.
    """

    metadata: SequenceMetadata
    user: SideSequences
    item: SideSequences
    user_ids: npt.NDArray[np.object_]
    item_ids: npt.NDArray[np.object_]

    def side(self, side: Side) -> SideSequences:
        """Returns the sequences of a side."""
        return self.user if side is Side.USER else self.item

    def ids(self, side: Side) -> npt.NDArray[np.object_]:
        """Returns the entity ids of a side: entry k belongs to the entity with index k + 1."""
        return self.user_ids if side is Side.USER else self.item_ids

    def interactions(self, splits: Iterable[Split], *, unseen: bool = False) -> Interactions:
        """Returns the ratings of the given splits, in order of user and time.

        Args:
          splits: the splits.
          unseen: whether entities without training ratings keep their indices, above the trained ones; if not, 0.
        """
        return self.select(self.rating_indices(splits), unseen=unseen)

    def rating_indices(self, splits: Iterable[Split]) -> npt.NDArray[np.int64]:
        """Returns the positions, on the user side, of the ratings of the given splits."""
        wanted = np.zeros(len(self.user.split), bool)
        for split in splits:
            wanted |= self.user.split == split
        return np.flatnonzero(wanted)

    @property
    def divided(self) -> bool:
        """Whether the ratings are divided among workers."""
        return self.user.divided is not None

    def count(self, split: Split) -> int:
        """Returns the number of ratings of a split, whoever holds them."""
        return self.metadata.ratings[split.label] if self.divided else int(np.count_nonzero(self.user.split == split))

    def has(self, split: Split) -> bool:
        """Whether there are ratings of a split, whoever holds them."""
        return self.count(split) > 0

    def queries(self, splits: Iterable[Split]) -> dict[str, npt.NDArray]:
        """Returns ratings of the given splits as queries: user_id, item_id (object[N]) and timestamp (int64[N])."""
        rows = self.rating_indices(splits)
        return {
            features.USER_ID: self.user_ids[self.user.entity_of(rows) - 1],
            features.ITEM_ID: self.item_ids[self.user.opposite[rows] - 1],
            features.TIMESTAMP: self.user.times(rows),
        }

    def without(self, splits: Collection[Split]) -> RatingSequences:
        """Returns the data as if the ratings of some splits did not exist; entities keep their indices."""
        gone = {split.label for split in splits}
        kept = self.ratings_at(np.flatnonzero(~np.isin(self.user.split, [int(split) for split in splits])))
        counts = {label: 0 if label in gone else count for label, count in self.metadata.ratings.items()}
        return sequences_in_memory(kept, self.user_ids, self.item_ids, replace(self.metadata, ratings=counts))[0]

    def with_granularities(self, user: int, item: int) -> RatingSequences:
        """Returns the same ratings, of the same splits, in steps of other lengths in seconds."""
        everything = self.ratings_at(np.arange(len(self.user.rating)))
        metadata = replace(self.metadata, user_granularity=user, item_granularity=item)
        return sequences_in_memory(everything, self.user_ids, self.item_ids, metadata)[0]

    def ratings_at(self, positions: npt.NDArray[np.int64]) -> SideRatings:
        """Returns the ratings at positions of the user side, from that side's point of view, where all are here."""
        if self.divided:
            raise ValueError("all ratings are needed, and this worker has those of its own users alone")
        side = self.user
        return SideRatings(
            side.entity_of(positions),
            side.opposite[positions],
            side.rating[positions],
            side.times(positions),
            side.split[positions],
        )

    def select(self, positions: npt.NDArray[np.int64], *, unseen: bool = False) -> Interactions:
        """Returns the ratings at positions of the user side; `unseen` as in `interactions`."""
        counts = (self.metadata.users, self.metadata.items)
        users, items = (of.total if unseen else of.trained for of in counts)
        user, item = self.user.entity_of(positions), self.user.opposite[positions]
        user[user > users] = 0
        item[item > items] = 0
        return Interactions(
            user=user,
            item=item,
            rating=self.user.rating[positions],
            timestamp=self.user.times(positions),
            num_users=users,
            num_items=items,
        )


def sequences_in_memory(
    user: SideRatings,
    user_ids: npt.NDArray[np.object_],
    item_ids: npt.NDArray[np.object_],
    metadata: SequenceMetadata,
    pending: Mapping[Side, PendingSteps] | None = None,
) -> tuple[RatingSequences, npt.NDArray[np.int64]]:
    """Prepares the sequences of a table of ratings in memory, equal to those that Beam would prepare.

    Args:
      user: the ratings from the user side's point of view.
      user_ids, item_ids: ids by index (from 1), those with training ratings first.
      metadata: cutoff, step rules and wallclock; its entity counts are those of the training data.
      pending: per side, the pending steps of all entities after earlier ratings; ratings before them are late and are
        added to them.

    Returns:
      The sequences, and int64[N], the row of the table for each rating of their user side.
    """
    parts = {Side.USER: user, Side.ITEM: user.mirrored()}
    numbered = {
        side: number_rows(ratings, metadata.cutoff, metadata.step_rule(side), pending[side] if pending else None)
        for side, ratings in parts.items()
    }
    row_of = {}
    for side, (order, row) in numbered.items():
        row_of[side] = np.empty(len(row), INDEX)
        row_of[side][order] = row
    totals = {Side.USER: len(user_ids), Side.ITEM: len(item_ids)}
    sides = {}
    for side, (order, row) in numbered.items():
        ratings = parts[side].take(order)
        first = segment_starts(ratings.entity, row)
        rows = np.bincount(ratings.entity[first], minlength=totals[side] + 1)
        begin = ratings.timestamp[first]
        if pending:
            begin = pending[side].not_before(ratings.entity[first], begin)
        sides[side] = SideSequences(
            side=side,
            row_splits=np.concatenate([[0], np.cumsum(rows)]),
            step=step_of(begin, metadata.cutoff, metadata.granularity(side)),
            rating_splits=np.append(first, len(row)),
            opposite=ratings.opposite,
            opposite_row=row_of[side.opposite][order],
            rating=ratings.rating,
            timestamp=narrowed(ratings.timestamp),
            split=ratings.split,
        )
    grown = replace(
        metadata,
        users=EntityCounts(metadata.users.trained, len(user_ids)),
        items=EntityCounts(metadata.items.trained, len(item_ids)),
    )
    sequences = _linked(grown, sides[Side.USER], sides[Side.ITEM], user_ids, item_ids)
    return sequences, numbered[Side.USER][0]


def sequences_by_second(
    user: SideRatings, cutoff: int, pending_step: Mapping[Side, npt.NDArray[np.int64]]
) -> tuple[RatingSequences, npt.NDArray[np.int64]]:
    """Prepares ratings in steps of one second on both sides, for a filter that follows them one by one.

    Args:
      user: the ratings from the user side's point of view.
      cutoff: unix seconds from which steps are counted.
      pending_step: per side, int64[entities + 1], the second, counted from the cutoff, of each entity's last earlier
        rating, or `NEVER`: ratings of that second are added to it, and so are late ones from before.

    Returns:
      The result of `sequences_in_memory`; the metadata hold only the cutoff, and there are no ids.
    """
    nobody = EntityCounts(0, 0)
    metadata = SequenceMetadata(
        cutoff=cutoff,
        user_granularity=1,
        item_granularity=1,
        wallclock_mean=0.0,
        wallclock_std=1.0,
        rating_mean=0.0,
        rating_min=0.0,
        rating_max=0.0,
        users=nobody,
        items=nobody,
        ratings={},
    )
    users, items = (np.empty(len(pending_step[side]) - 1, object) for side in SIDES)
    pending = {}
    for side in SIDES:
        step, nothing = pending_step[side], np.zeros(len(pending_step[side]), np.int64)
        pending[side] = PendingSteps(step, step + cutoff, step + cutoff, nothing, nothing)
    return sequences_in_memory(user, users, items, metadata, pending)


def _linked(
    metadata: SequenceMetadata,
    user: SideSequences,
    item: SideSequences,
    user_ids: npt.NDArray[np.object_],
    item_ids: npt.NDArray[np.object_],
) -> RatingSequences:
    """Joins both sides, whose opposite steps are counted from each opposite entity's first one."""
    count_from_first(user, item)
    count_from_first(item, user)
    return RatingSequences(metadata, user, item, user_ids, item_ids)


def count_from_first(own: SideSequences, opposite: SideSequences) -> None:
    """Makes opposite steps, which are counted from each opposite entity's first one, global indices, in place."""
    first = opposite.row_splits.astype(INDEX)
    for begin in range(0, len(own.opposite), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        own.opposite_row[part] += first[own.opposite[part]]
