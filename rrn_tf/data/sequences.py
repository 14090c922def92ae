"""Prepared sequences in memory: both sides as flat arrays, parsed once from TFRecords.

Row numbers are global within a side: the rows of entity e (index from 1) are
``row_splits[e] : row_splits[e + 1]``, in time order; entity 0, the unknown one, has none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf import features
from rrn_tf.data.interactions import Interactions
from rrn_tf.data.metadata import EntityCounts, SequenceMetadata
from rrn_tf.data.rows import PendingSteps, SideRatings, number_rows, segment_starts
from rrn_tf.data.sequence_files import read_side, read_vocabulary
from rrn_tf.data.wallclock import step_of
from rrn_tf.features import SIDES, Side, Split

_ROWS, _RATINGS = "rows", "ratings"  # lengths of sequences and of rows


@dataclass(frozen=True)
class SideSequences:
    """All rows and ratings of one side; E entities, R rows, N ratings.

    Attributes:
      side: which side this is.
      row_splits: int64[E + 2], where the rows of each entity (0 included) begin and end.
      step: int64[R], time step of each row, relative to the cutoff; negative steps are training. Rows of one entity
        may share a time step (`rrn_tf.data.steps`).
      rating_splits: int64[R + 1], where the ratings of each row begin and end.
      opposite: int32[N], entity index on the other side.
      opposite_row: int64[N], global row on the other side that predicts this rating: its states
        have seen only rows strictly before the rating's own.
      rating: float32[N].
      timestamp: int64[N], unix seconds.
      split: uint8[N], `Split` codes.
    """

    side: Side
    row_splits: npt.NDArray[np.int64]
    step: npt.NDArray[np.int64]
    rating_splits: npt.NDArray[np.int64]
    opposite: npt.NDArray[np.int32]
    opposite_row: npt.NDArray[np.int64]
    rating: npt.NDArray[np.float32]
    timestamp: npt.NDArray[np.int64]
    split: npt.NDArray[np.uint8]

    @property
    def num_rows(self) -> int:
        return len(self.step)

    @cached_property
    def row_entity(self) -> npt.NDArray[np.int64]:
        """int64[R], entity of each row."""
        return np.repeat(np.arange(len(self.row_splits) - 1), np.diff(self.row_splits))

    @cached_property
    def place(self) -> npt.NDArray[np.int64]:
        """int64[R], which of its entity's rows each is, from 0."""
        return np.arange(self.num_rows) - self.row_splits[self.row_entity]

    @cached_property
    def rating_row(self) -> npt.NDArray[np.int64]:
        """int64[N], row of each rating."""
        return np.repeat(np.arange(self.num_rows), np.diff(self.rating_splits))

    @cached_property
    def training_rows(self) -> npt.NDArray[np.int64]:
        """int64[E + 1], number of each entity's rows before the cutoff: they come first."""
        return np.bincount(self.row_entity[self.step < 0], minlength=len(self.row_splits) - 1)


@dataclass(frozen=True)
class RatingSequences:
    """A prepared data set: both sides, their vocabularies and the metadata."""

    metadata: SequenceMetadata
    user: SideSequences
    item: SideSequences
    user_ids: npt.NDArray[np.object_]
    item_ids: npt.NDArray[np.object_]

    def side(self, side: Side) -> SideSequences:
        """The sequences of a side."""
        return self.user if side is Side.USER else self.item

    def ids(self, side: Side) -> npt.NDArray[np.object_]:
        """Entity ids of a side: entry k belongs to the entity with index k + 1."""
        return self.user_ids if side is Side.USER else self.item_ids

    def interactions(self, splits: Iterable[Split], *, unseen: bool = False) -> Interactions:
        """Ratings of the given splits, by user and time.

        Args:
          splits: which.
          unseen: entities without training ratings keep indices of their own, after the trained ones; else they are 0.
        """
        return self.select(self.rating_indices(splits), unseen=unseen)

    def rating_indices(self, splits: Iterable[Split]) -> npt.NDArray[np.int64]:
        """Positions, on the user side, of the ratings of the given splits."""
        return np.flatnonzero(np.isin(self.user.split, [int(split) for split in splits]))

    def has(self, split: Split) -> bool:
        """Whether there are ratings of a split."""
        return bool((self.user.split == split).any())

    def queries(self, splits: Iterable[Split]) -> dict[str, npt.NDArray]:
        """Ratings of the given splits as questions: user_id, item_id (object[N]) and timestamp (int64[N])."""
        rows = self.rating_indices(splits)
        return {
            features.USER_ID: self.user_ids[self.user.row_entity[self.user.rating_row[rows]] - 1],
            features.ITEM_ID: self.item_ids[self.user.opposite[rows] - 1],
            features.TIMESTAMP: self.user.timestamp[rows],
        }

    def without(self, splits: Collection[Split]) -> RatingSequences:
        """The data as if nobody had ever given the ratings of some splits; entities keep their indices."""
        gone = {split.label for split in splits}
        kept = self.ratings_at(np.flatnonzero(~np.isin(self.user.split, [int(split) for split in splits])))
        counts = {label: 0 if label in gone else count for label, count in self.metadata.ratings.items()}
        return sequences_in_memory(kept, self.user_ids, self.item_ids, replace(self.metadata, ratings=counts))[0]

    def ratings_at(self, positions: npt.NDArray[np.int64]) -> SideRatings:
        """The ratings at positions of the user side, as that side sees them."""
        side = self.user
        entity = side.row_entity[side.rating_row].astype(np.int32)
        return SideRatings(entity, side.opposite, side.rating, side.timestamp, side.split).take(positions)

    def select(self, positions: npt.NDArray[np.int64], *, unseen: bool = False) -> Interactions:
        """Ratings at positions of the user side; `unseen` as in `interactions`."""
        counts = (self.metadata.users, self.metadata.items)
        users, items = (of.total if unseen else of.trained for of in counts)
        user = self.user.row_entity[self.user.rating_row[positions]]
        item = self.user.opposite[positions]
        return Interactions(
            user=np.where(user <= users, user, 0).astype(np.int32),
            item=np.where(item <= items, item, 0).astype(np.int32),
            rating=self.user.rating[positions],
            timestamp=self.user.timestamp[positions],
            num_users=users,
            num_items=items,
        )


def load_sequences(directory: str | Path) -> RatingSequences:
    """Reads a prepared data set.

    Args:
      directory: holds `metadata.json`, the vocabularies and, there or one folder below, the
        TFRecord files of both sides.

    Raises:
      FileNotFoundError: for a missing file.
      ValueError: where the two sides do not hold the same ratings.
    """
    metadata = SequenceMetadata.load(directory)
    user = _load_side(directory, Side.USER, metadata.users.total)
    item = _load_side(directory, Side.ITEM, metadata.items.total)
    if len(user.rating) != len(item.rating):
        raise ValueError(
            f"{directory}: both sides should hold the same ratings, found {len(user.rating)} in "
            f"{Side.USER.sequences} and {len(item.rating)} in {Side.ITEM.sequences}"
        )
    return _linked(metadata, user, item, read_vocabulary(directory, Side.USER), read_vocabulary(directory, Side.ITEM))


def sequences_in_memory(
    user: SideRatings,
    user_ids: npt.NDArray[np.object_],
    item_ids: npt.NDArray[np.object_],
    metadata: SequenceMetadata,
    pending: Mapping[Side, PendingSteps] | None = None,
) -> tuple[RatingSequences, npt.NDArray[np.int64]]:
    """Sequences of a table of ratings that needs no files: what Beam would have prepared from it.

    Args:
      user: the ratings, as the user side sees them.
      user_ids, item_ids: ids by index (from 1), those with training ratings first.
      metadata: cutoff, step rules and wallclock; its entity counts are those of the training data.
      pending: per side, where earlier ratings left all entities: ratings from before that come late, and are taken for
        ratings of the pending row.

    Returns:
      The sequences, and which row of the table each rating of their user side is: int64[N].
    """
    parts = {Side.USER: user, Side.ITEM: user.mirrored()}
    numbered = {
        side: number_rows(ratings, metadata.cutoff, metadata.step_rule(side), pending[side] if pending else None)
        for side, ratings in parts.items()
    }
    row_of = {}
    for side, (order, row) in numbered.items():
        row_of[side] = np.empty(len(row), np.int64)
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
            timestamp=ratings.timestamp,
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
    """Ratings in steps of a second on both sides, for whatever follows them one after the other.

    Args:
      user: the ratings, as the user side sees them.
      cutoff: unix seconds; steps count from there.
      pending_step: per side, int64[entities + 1], the second, counted from the cutoff, in which earlier ratings of each
        entity ended, or the lowest number: ratings of that second join it, and ones from before it that come late.

    Returns:
      As `sequences_in_memory`; the metadata know only the cutoff, and there are no ids.
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
    """Both sides, their opposite rows counted from each opposite entity's first row made global."""
    return RatingSequences(
        metadata,
        replace(user, opposite_row=user.opposite_row + item.row_splits[user.opposite]),
        replace(item, opposite_row=item.opposite_row + user.row_splits[item.opposite]),
        user_ids,
        item_ids,
    )


def _lengths(lists: dict[str, tf.RaggedTensor]) -> dict[str, tf.Tensor]:
    return {_ROWS: lists[features.STEP].row_lengths(), _RATINGS: lists[features.RATING].values.row_lengths()}


def _load_side(directory: str | Path, side: Side, entities: int) -> SideSequences:
    """A side whose `opposite_row` still counts from each opposite entity's first row."""
    flat = read_side(directory, side, features.sequence_feature_spec(), _lengths, entities)
    return SideSequences(
        side=side,
        row_splits=np.concatenate([[0, 0], np.cumsum(flat[_ROWS])]).astype(np.int64),
        step=flat[features.STEP].astype(np.int64, copy=False),
        rating_splits=np.concatenate([[0], np.cumsum(flat[_RATINGS])]).astype(np.int64),
        opposite=flat[features.OPPOSITE_INDEX].astype(np.int32),
        opposite_row=flat[features.OPPOSITE_ROW].astype(np.int64, copy=False),
        rating=flat[features.RATING].astype(np.float32, copy=False),
        timestamp=flat[features.TIMESTAMP].astype(np.int64, copy=False),
        split=flat[features.SPLIT].astype(np.uint8),
    )
