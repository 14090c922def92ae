"""Groups the ratings of an entity into steps, and finds the opposite entity's step that may predict a rating.

A *step* of an entity is a non-empty time step, or a part of one (`StepRule`); names with `row` mean its index.
All is plain numpy on integer indices, of one shard of ratings in Beam (`rrn_tf.beam.sequences`) or of a table in memory
(`rrn_tf.data.sequences.sequences_in_memory`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import concatenate_rows, take_rows
from rrn_tf.data.steps import StepRule, levels_of
from rrn_tf.data.wallclock import step_of

Positions = npt.NDArray[np.int64]


class SideRatings(NamedTuple):
    """N ratings from one side's point of view.

    Attributes:
      entity: int32[N], index of the entity on this side, from 1.
      opposite: int32[N], index of the entity on the other side.
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
        """Returns the ratings at positions, in that order."""
        return take_rows(self, rows)

    def mirrored(self) -> SideRatings:
        """Returns the same ratings from the other side's point of view."""
        return self._replace(entity=self.opposite, opposite=self.entity)

    @classmethod
    def concatenate(cls, parts: Sequence[SideRatings]) -> SideRatings:
        """Concatenates the ratings of several parts."""
        return concatenate_rows(parts)

    @classmethod
    def empty(cls) -> SideRatings:
        """Returns an instance without ratings."""
        index = np.empty(0, np.int32)
        return cls(index, index, np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, np.uint8))


def time_order(
    entity: npt.NDArray[np.int32], timestamp: npt.NDArray[np.int64], last: npt.NDArray[np.int32]
) -> Positions:
    """Returns the positions that sort by (entity, timestamp, last): int64[N]."""
    if not len(entity):
        return np.empty(0, np.int64)
    keys = [column.astype(np.int64) - int(column.min()) for column in (entity, timestamp, last)]
    bits = [int(key.max()).bit_length() for key in keys]
    if sum(bits) < 64:
        # Sorting by one packed key takes a third of the time of three stable sorts.
        return np.argsort((keys[0] << (bits[1] + bits[2])) | (keys[1] << bits[2]) | keys[2])
    return np.lexsort((last, timestamp, entity))


def segment_starts(*sorted_columns: npt.NDArray[np.generic]) -> Positions:
    """Returns the positions where a new combination of values begins in sorted columns: int64[segments]."""
    count = len(sorted_columns[0])
    if not count:
        return np.empty(0, np.int64)
    change = np.zeros(count, bool)
    change[0] = True
    for column in sorted_columns:
        change[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(change)


class PendingSteps(NamedTuple):
    """The last steps of E entities (0 included) in earlier ratings, which later ratings may continue.

    Attributes:
      step: int64[E], time step; `NEVER` for an entity without ratings, as are the times.
      begin: int64[E], unix seconds of the step's first rating.
      time: int64[E], unix seconds of the entity's last rating.
      before: int64[E], number of the entity's ratings before that second.
      at: int64[E], number of the entity's ratings in that second.
    """

    step: npt.NDArray[np.int64]
    begin: npt.NDArray[np.int64]
    time: npt.NDArray[np.int64]
    before: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]

    def not_before(self, entity: npt.NDArray[np.integer], timestamp: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Returns times int64[N] of ratings; a late rating gets the time of its entity's last rating."""
        return np.maximum(timestamp, self.time[entity])

    def earlier(self, entity: npt.NDArray[np.integer], timestamp: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Counts the entity's ratings before each of the times int64[N], which are those of `not_before`."""
        return self.before[entity] + np.where(timestamp > self.time[entity], self.at[entity], 0)

    def continued(
        self,
        entity: npt.NDArray[np.integer],
        step: npt.NDArray[np.int64],
        timestamp: npt.NDArray[np.int64],
        per_doubling: int,
    ) -> npt.NDArray[np.bool_]:
        """Returns bool[N]: whether the entities' first steps in later ratings continue their pending steps.

        Args:
          entity: int[N].
          step, timestamp: int64[N], time step and time of the first rating of each step.
          per_doubling: see `rrn_tf.data.steps.StepRule`.
        """
        level = levels_of(self.earlier(entity, self.not_before(entity, timestamp)), per_doubling)
        return (step == self.step[entity]) & (level == levels_of(self.before[entity], per_doubling))

    def are_after(
        self, entity: npt.NDArray[np.integer], timestamp: npt.NDArray[np.int64], cutoff: int, rule: StepRule
    ) -> npt.NDArray[np.bool_]:
        """Returns bool[N]: whether ratings at times int64[N] are late, that is before their entities' pending steps."""
        late = step_of(timestamp, cutoff, rule.granularity) < self.step[entity]
        return late | (timestamp < self.begin[entity]) if rule.per_doubling else late


def row_starts(
    entity: npt.NDArray[np.integer],
    timestamp: npt.NDArray[np.int64],
    cutoff: int,
    rule: StepRule,
    pending: PendingSteps | None = None,
) -> Positions:
    """Returns the positions where steps begin in ratings that are sorted by entity and time: int64[steps].

    Args:
      entity, timestamp: int[N] and int64[N], all ratings of some entities.
      cutoff: unix seconds; no step straddles it.
      rule: how ratings are grouped into steps.
      pending: pending steps of all entities after earlier ratings; by default there are none.
    """
    if pending is not None:
        timestamp = pending.not_before(entity, timestamp)
    columns = [entity, step_of(timestamp, cutoff, rule.granularity)]
    if rule.per_doubling:
        earlier = _first_of_equals(entity, timestamp) - _first_of_equals(entity)
        if pending is not None:
            earlier += pending.earlier(entity, timestamp)
        columns.append(levels_of(earlier, rule.per_doubling))
    return segment_starts(*columns)


def number_rows(
    ratings: SideRatings, cutoff: int, rule: StepRule, pending: PendingSteps | None = None
) -> tuple[Positions, npt.NDArray[np.int32]]:
    """Sorts ratings by (entity, timestamp, opposite) and numbers the steps of each entity.

    The number of a rating's step is the number of its entity's steps that ended strictly before it. So it is also the
    index of the step with the state that may predict this very rating on the opposite side.

    Args:
      ratings: all ratings of some entities, in any order.
      cutoff: unix seconds.
      rule: how ratings are grouped into steps.
      pending: pending steps of all entities after earlier ratings, to which late ratings are added; by default there
        are none.

    Returns:
      order: int64[N], positions of the ratings in order.
      row: int32[N], number of each rating's step within its entity, from 0, in that order.
    """
    order = time_order(ratings.entity, ratings.timestamp, ratings.opposite)
    entity = ratings.entity[order]
    rows = row_starts(entity, ratings.timestamp[order], cutoff, rule, pending)
    first_row = segment_starts(entity[rows])
    local = np.arange(len(rows)) - np.repeat(first_row, np.diff(first_row, append=len(rows)))
    return order, np.repeat(local, np.diff(rows, append=len(entity))).astype(np.int32)


def _first_of_equals(*sorted_columns: npt.NDArray[np.generic]) -> Positions:
    """Returns, for each position in sorted columns, the first position with the same values: int64[N]."""
    starts = segment_starts(*sorted_columns)
    return np.repeat(starts, np.diff(starts, append=len(sorted_columns[0])))
