"""Rows of a side: which ratings make up a step, and which row of the opposite side a rating may see.

Plain numpy over int-coded ratings: one shard of them in Beam (`rrn_tf.beam.build_sequences`), or a table in memory
(`rrn_tf.data.sequences.sequences_in_memory`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import concatenate_rows, take_rows
from rrn_tf.data.wallclock import step_of

Positions = npt.NDArray[np.int64]


class SideRatings(NamedTuple):
    """N ratings as one side sees them.

    Attributes:
      entity: int32[N], index of the side's own entity, from 1.
      opposite: int32[N], index of the other side's entity.
      rating: float32[N].
      timestamp: int64[N], unix seconds.
      split: uint8[N], `Split` codes.
    """

    entity: npt.NDArray[np.int32]
    opposite: npt.NDArray[np.int32]
    rating: npt.NDArray[np.float32]
    timestamp: npt.NDArray[np.int64]
    split: npt.NDArray[np.uint8]

    def take(self, rows: Positions | slice) -> SideRatings:
        """The ratings at positions, in that order."""
        return take_rows(self, rows)

    def mirrored(self) -> SideRatings:
        """The same ratings as the other side sees them."""
        return self._replace(entity=self.opposite, opposite=self.entity)

    @classmethod
    def concatenate(cls, parts: Sequence[SideRatings]) -> SideRatings:
        """Ratings of several parts, one after the other."""
        return concatenate_rows(parts)

    @classmethod
    def empty(cls) -> SideRatings:
        """No ratings."""
        index = np.empty(0, np.int32)
        return cls(index, index, np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, np.uint8))


def time_order(
    entity: npt.NDArray[np.int32], timestamp: npt.NDArray[np.int64], last: npt.NDArray[np.int32]
) -> Positions:
    """Positions that sort by (entity, timestamp, last): int64[N]."""
    if not len(entity):
        return np.empty(0, np.int64)
    keys = [column.astype(np.int64) - int(column.min()) for column in (entity, timestamp, last)]
    bits = [int(key.max()).bit_length() for key in keys]
    if sum(bits) < 64:
        # One sort of a packed key takes a third of the time of three stable ones.
        return np.argsort((keys[0] << (bits[1] + bits[2])) | (keys[1] << bits[2]) | keys[2])
    return np.lexsort((last, timestamp, entity))


def segment_starts(*sorted_columns: npt.NDArray[np.generic]) -> Positions:
    """Where a new combination of values begins in sorted columns: int64[segments]."""
    count = len(sorted_columns[0])
    if not count:
        return np.empty(0, np.int64)
    change = np.zeros(count, bool)
    change[0] = True
    for column in sorted_columns:
        change[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(change)


def number_rows(
    ratings: SideRatings, cutoff: int, granularity: int, open_step: npt.NDArray[np.int64] | None = None
) -> tuple[Positions, npt.NDArray[np.int32]]:
    """Orders ratings by (entity, step, timestamp, opposite) and numbers the rows of each entity.

    The number of a rating's row is the number of its entity's rows with a strictly earlier step: the row
    whose states the opposite side may use to predict this very rating.

    Args:
      ratings: all ratings of some entities, in any order.
      cutoff: unix seconds.
      granularity: length of the side's step in seconds.
      open_step: int64[entities], a step of each entity that takes in all earlier ratings too; by default none.

    Returns:
      order: int64[N], positions of the ratings in order.
      row: int32[N], row number of each rating within its entity, in that order.
    """
    order = time_order(ratings.entity, ratings.timestamp, ratings.opposite)
    entity = ratings.entity[order]
    step = step_of(ratings.timestamp[order], cutoff, granularity)
    rows = segment_starts(entity, step if open_step is None else np.maximum(step, open_step[entity]))
    first_row = segment_starts(entity[rows])
    local = np.arange(len(rows)) - np.repeat(first_row, np.diff(first_row, append=len(rows)))
    return order, np.repeat(local, np.diff(rows, append=len(entity))).astype(np.int32)
