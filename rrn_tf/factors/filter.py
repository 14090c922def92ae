"""A Kalman filter: beliefs about the factors of both sides are updated by later ratings, second by second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from rrn_tf.data.arrays import concatenated_ranges, take_rows
from rrn_tf.data.rows import SideRatings
from rrn_tf.data.sequences import sequences_by_second
from rrn_tf.data.topological_order import RowsByLevel, dependency_levels, rows_by_level
from rrn_tf.factors.beliefs import Beliefs, FactorScale, FloatArray, expected_ratings
from rrn_tf.factors.inverses import on_one_core
from rrn_tf.features import SIDES, Side
from rrn_tf.slow_work import each

_FEW = 30  # ratings that are added one by one sooner than by a product
Positions = npt.NDArray[np.int64]


class Trajectories(NamedTuple):
    """Expected vectors of a side's entities through time.

    Attributes:
      row_splits: int64[E + 2], where the seconds with ratings of each entity (0 included) begin and end.
      second: int64[R], seconds since the cutoff, in order.
      standing: float32[R, w], what was expected before each (`Beliefs.standing`).
    """

    row_splits: Positions
    second: Positions
    standing: FloatArray


class FactorFilter:
    """Updates beliefs by every later rating; each is predicted from the ratings of strictly earlier seconds.

    Ratings of one second are predicted before any of them is used. Ratings may come in several calls, divided at any
    point: those of an entity's last second are kept apart, as its pending step, until a later rating comes.

    Args:
      ratings: N later ratings from the user side, in any order.
      start: per side, beliefs about all entities before these ratings.
      cutoff: unix seconds.
    """

    def __init__(self, ratings: SideRatings, start: Mapping[Side, Beliefs], cutoff: int) -> None:
        self._start = start
        pending_step = {side: start[side].pending_step for side in SIDES}
        self._sequences, self._order = sequences_by_second(ratings, cutoff, pending_step)
        self._continued = {}
        for side in SIDES:
            data = self._sequences.side(side)
            self._continued[side] = (data.place == 0) & (data.step == pending_step[side][data.row_entity])
        level = dependency_levels(self._sequences, {side: ~self._continued[side] for side in SIDES})
        self._count = 1 + max(int(level[side].max(initial=-1)) for side in SIDES)
        self._by_level: dict[Side, RowsByLevel] = {
            side: rows_by_level(self._sequences.side(side), level[side], self._count) for side in SIDES
        }

    def run(
        self, set_vectors: Mapping[Side, FloatArray], scale: FactorScale
    ) -> tuple[FloatArray, npt.NDArray[np.bool_], dict[Side, Beliefs]]:
        """Predicts each rating and then updates the beliefs by it.

        Args:
          set_vectors: per side, float32[E', w] by index of the other side's trained entities; others have none.
          scale: parameters of all beliefs.

        Returns:
          float32[N], the prediction of each rating; bool[N], whether its user had ratings between training and this
          rating; and per side, the beliefs about all entities after the ratings.
        """
        rows = self._beliefs_before(set_vectors, scale)
        left = {side: self._pending_beliefs(side, rows, set_vectors[side], scale) for side in SIDES}
        user, expected = self._sequences.user, np.empty(len(self._order), np.float32)
        moved = np.empty(len(self._order), bool)
        moved[self._order] = rows[Side.USER].moved[user.rating_row]
        expected[self._order] = expected_ratings(
            rows[Side.USER].standing[user.rating_row], rows[Side.ITEM].standing[user.opposite_row], scale.mean
        )
        return expected, moved, left

    def trajectories(self, set_vectors: Mapping[Side, FloatArray], scale: FactorScale) -> dict[Side, Trajectories]:
        """Computes what was expected of every entity before each of its seconds with ratings; arguments as of `run`."""
        rows, found = self._beliefs_before(set_vectors, scale), {}
        for side in SIDES:
            data = self._sequences.side(side)
            found[side] = Trajectories(data.row_splits, data.step, rows[side].standing)
        return found

    def _beliefs_before(self, set_vectors: Mapping[Side, FloatArray], scale: FactorScale) -> dict[Side, _Rows]:
        """Computes the beliefs before every step of both sides."""
        rows = {side: _Rows(self._sequences.side(side).num_rows, self._start[side].mean.shape[1]) for side in SIDES}
        for side in SIDES:
            pending = np.flatnonzero(self._continued[side])
            rows[side].set(pending, take_rows(self._start[side], self._sequences.side(side).row_entity[pending]))
        trained = {side: len(set_vectors[side.opposite]) for side in SIDES}
        with on_one_core():
            for level in each(range(self._count), "following ratings, step after step"):
                for side in SIDES:
                    self._advance(side, level, rows, set_vectors[side], scale, trained[side])
        return rows

    def _advance(
        self,
        side: Side,
        level: int,
        rows: dict[Side, _Rows],
        set_vectors: FloatArray,
        scale: FactorScale,
        trained: int,
    ) -> None:
        """Computes the beliefs before the steps of one level from those before the preceding steps and their data."""
        part, data, start = self._by_level[side].at(level), self._sequences.side(side), self._start[side]
        if not len(part.row):
            return
        entity, before = data.row_entity[part.row], part.row - 1
        first = data.place[part.row] == 0
        had = _sums_of(start, entity, first | self._continued[side][before])
        pending = self._sums(side, part.rating, part.slot, had, rows, set_vectors, scale)
        columns: list[Any] = rows[side].take(before)
        for found, known in zip(columns, _posterior_columns(start), strict=True):
            found[first] = known[entity[first]]
        columns += [*pending, start.pending_step[entity]]  # the posterior does not depend on which second it was
        rows[side].set(part.row, Beliefs(*columns).posterior(scale.prior(side), scale.drifts(entity < trained)))

    def _sums(
        self,
        side: Side,
        rating: Positions,
        slot: Positions,
        had: tuple[FloatArray, ...],
        rows: dict[Side, _Rows],
        set_vectors: FloatArray,
        scale: FactorScale,
    ) -> tuple[FloatArray, ...]:
        """Adds ratings to the pending sums of `Beliefs`, given the slots that they enter, in ascending order."""
        data, own, other = self._sequences.side(side), rows[side], rows[side.opposite]
        if len(rating):
            mine, theirs = data.rating_row[rating], data.opposite_row[rating]
            here, vector = own.standing[mine], other.standing[theirs]
            error = data.rating[rating] - expected_ratings(here, vector, scale.mean)
            # The uncertainty of the opposite entity's vector adds to the noise.
            unknown, known = other.variance[theirs], here**2 + own.variance[mine]
            known[:, -1] = vector[:, -1] = 1
            weighted = vector / (np.float32(scale.noise) + np.einsum("nk,nk->n", unknown, known))[:, np.newaxis]
            opposite = data.opposite[rating]
            met = set_vectors[np.where(opposite < len(set_vectors), opposite, 0)]
            precisions = weighted[:, :, np.newaxis] * vector[:, np.newaxis]
            values = precisions, weighted * error[:, np.newaxis], met, np.ones(len(rating), np.float32)
            return _ordered_sums(values, slot, had)
        return had

    def _pending_beliefs(
        self, side: Side, rows: dict[Side, _Rows], set_vectors: FloatArray, scale: FactorScale
    ) -> Beliefs:
        """Returns the beliefs after each entity's last step, which stays pending."""
        data, start = self._sequences.side(side), self._start[side]
        last = data.row_splits[1:][np.diff(data.row_splits) > 0] - 1
        counts = np.diff(data.rating_splits)[last]
        rating = concatenated_ranges(data.rating_splits[last], counts)
        entity = data.row_entity[last]
        had = _sums_of(start, entity, self._continued[side][last])
        sums = self._sums(side, rating, np.repeat(np.arange(len(last)), counts), had, rows, set_vectors, scale)
        left = take_rows(start, np.arange(len(start.mean)))  # a copy
        for mine, found in zip(_posterior_columns(left), rows[side].take(last), strict=True):
            mine[entity] = found
        for mine, found in zip(_pending_sums(left), sums, strict=True):
            mine[entity] = found
        left.pending_step[entity] = data.step[last]
        return left


def _posterior_columns(beliefs: Beliefs) -> tuple[Any, ...]:
    return beliefs.mean, beliefs.variance, beliefs.set_sum, beliefs.set_count, beliefs.moved


def _pending_sums(beliefs: Beliefs) -> tuple[FloatArray, ...]:
    return beliefs.precision, beliefs.information_vector, beliefs.pending_sum, beliefs.pending_count


def _sums_of(
    beliefs: Beliefs, entity: npt.NDArray[np.integer], continued: npt.NDArray[np.bool_]
) -> tuple[FloatArray, ...]:
    """The pending sums of entities where their pending steps are continued, and zeros elsewhere."""
    found = tuple(sums[entity] for sums in _pending_sums(beliefs))
    for sums in found:
        sums[~continued] = 0
    return found


def _ordered_sums(
    values: tuple[FloatArray, ...], slot: Positions, before: tuple[FloatArray, ...]
) -> tuple[FloatArray, ...]:
    """Adds rows to sums one by one, in order of ascending slots, so that sums may be left and gone on with anywhere.

    `np.add.reduceat` adds eight partial sums in the end, which rounds otherwise. `np.add.at` adds so, and a sparse
    product, whose preparation takes as long as adding some forty rows. All columns are added by one product.
    """
    slots, count = len(before[0]), len(slot)
    if count <= _FEW:
        sums = tuple(column.copy() for column in before)
        for column, value in zip(sums, values, strict=True):
            np.add.at(column, slot, value)
        return sums
    ends = np.searchsorted(slot, np.arange(1, slots + 1))
    begins = np.concatenate([[0], ends + np.arange(1, slots + 1)])
    # The row of each slot's sum so far, and then those of its values.
    order = np.empty(slots + count, np.int64)
    order[begins[:-1]] = np.arange(slots)
    order[np.arange(count) + slot + 1] = slots + np.arange(count)
    flat = np.concatenate(
        [np.column_stack([column.reshape(len(column), -1) for column in of]) for of in (before, values)]
    )
    ones = np.ones(slots + count, np.float32)
    added = np.asarray(sparse.csr_array((ones, order, begins), shape=(slots, slots + count)) @ flat, np.float32)
    ends = np.cumsum([column[0].size for column in before])
    parts = np.split(added, ends[:-1], axis=1)
    return tuple(part.reshape(column.shape) for part, column in zip(parts, before, strict=True))


class _Rows:
    """Beliefs before the ratings of each of a side's R steps: the first columns of `Beliefs`, one row per step."""

    def __init__(self, count: int, width: int) -> None:
        wide = [np.zeros((count, width), np.float32) for _ in range(3)]
        self._columns: list[Any] = [*wide, np.zeros(count, np.float32), np.zeros(count, bool)]
        self.variance, self.moved = self._columns[1], self._columns[4]
        self.standing = np.zeros((count, width), np.float32)

    def set(self, rows: Positions, beliefs: Beliefs) -> None:
        """Stores the beliefs at some steps."""
        for column, values in zip(self._columns, _posterior_columns(beliefs), strict=True):
            column[rows] = values
        self.standing[rows] = beliefs.standing

    def take(self, rows: Positions) -> list[Any]:
        """Returns copies of the columns at some steps."""
        return [column[rows] for column in self._columns]
