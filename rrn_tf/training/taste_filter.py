"""Tastes of both sides followed through the ratings after training, step by step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import concatenated_ranges, take_rows
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.features import SIDES, Side
from rrn_tf.models.tastes import FloatArray, Tastes, TasteScale
from rrn_tf.data.dependency_levels import RowsByLevel, dependency_levels, rows_by_level

Positions = npt.NDArray[np.int64]


class TasteFilter:
    """Moves beliefs about tastes with every rating after the cutoff, each in strictly later steps than its own.

    Training ratings are in the beliefs that it starts from. The rows of training say nothing of tastes: they would
    have seen the ratings that they predict.

    Args:
      sequences: the data.
      rows: per side, int64[E + 1]: how many of each entity's rows are followed, from its first; later rows stand where
        these left the entity.
      continued: per side, bool[R], the rows that are their entities' open steps (`joint_roll.continued_rows`).
    """

    def __init__(
        self,
        sequences: RatingSequences,
        rows: dict[Side, Positions],
        continued: dict[Side, npt.NDArray[np.bool_]],
    ) -> None:
        self._sequences = sequences
        self._continued = continued
        self._later = {side: sequences.side(side).step >= 0 for side in SIDES}
        self._followed = {}
        for side in SIDES:
            data = sequences.side(side)
            self._followed[side] = self._later[side] & (data.place < rows[side][data.row_entity])
        level = dependency_levels(sequences, {side: self._followed[side] & ~continued[side] for side in SIDES})
        self._count = 1 + max(int(level[side].max(initial=-1)) for side in SIDES)
        self._by_level: dict[Side, RowsByLevel] = {
            side: rows_by_level(sequences.side(side), level[side], self._count, self._followed[side]) for side in SIDES
        }

    def run(
        self, residual: dict[Side, FloatArray], start: dict[Side, Tastes], scale: TasteScale
    ) -> tuple[dict[Side, FloatArray], dict[Side, Tastes]]:
        """Follows all ratings.

        Args:
          residual: per side, float32[N], each rating less what the states say.
          start: per side, of all entities, before the first of these ratings.
          scale: of all beliefs.

        Returns:
          Per side, float32[R, k], the mean that each row's ratings are predicted from, 0 in training; and where the
          ratings leave all entities.
        """
        rows = {side: _Rows(self._sequences.side(side).num_rows, start[side].mean.shape[1]) for side in SIDES}
        for side in SIDES:
            opened = np.flatnonzero(self._continued[side])
            rows[side].set(opened, take_rows(start[side], self._sequences.side(side).row_entity[opened]))
        for level in range(self._count):
            for side in SIDES:
                self._advance(side, level, residual[side], rows, start[side], scale)
        left = {side: self._left(side, residual[side], rows, start[side], scale) for side in SIDES}
        for side in SIDES:
            behind = np.flatnonzero(self._later[side] & ~self._followed[side])
            rows[side].mean[behind] = left[side].closed(scale).mean[self._sequences.side(side).row_entity[behind]]
        return {side: rows[side].mean for side in SIDES}, left

    def _advance(
        self,
        side: Side,
        level: int,
        residual: FloatArray,
        rows: dict[Side, _Rows],
        start: Tastes,
        scale: TasteScale,
    ) -> None:
        """Beliefs at the rows of one level, from those at the rows before and their ratings."""
        part, data, own = self._by_level[side].at(level), self._sequences.side(side), rows[side]
        if not len(part.row):
            return
        entity, before = data.row_entity[part.row], part.row - 1
        follows = (data.place[part.row] > 0) & self._followed[side][before]
        goes_on = np.flatnonzero(~follows | self._continued[side][before])
        precision, pull = self._sums(side, part.rating, part.slot, len(part.row), residual, rows, scale)
        precision[goes_on] += start.precision[entity[goes_on]]
        pull[goes_on] += start.pull[entity[goes_on]]
        mean = np.where(follows[:, np.newaxis], own.mean[before], start.mean[entity])
        variance = np.where(follows[:, np.newaxis], own.variance[before], start.variance[entity])
        own.set(part.row, Tastes(mean, variance, precision, pull).closed(scale))

    def _sums(
        self,
        side: Side,
        rating: Positions,
        slot: Positions,
        slots: int,
        residual: FloatArray,
        rows: dict[Side, _Rows],
        scale: TasteScale,
    ) -> tuple[FloatArray, FloatArray]:
        """`Tastes.precision` and `pull` of ratings, by the slots that they enter, in ascending order."""
        data, own, other = self._sequences.side(side), rows[side], rows[side.opposite]
        mine, theirs = data.rating_row[rating], data.opposite_row[rating]
        vector = other.mean[theirs]
        error = residual[rating] - np.einsum("nk,nk->n", own.mean[mine], vector)
        # What is not known of the other side's factors is noise to one's own.
        doubt = np.einsum("nk,nk->n", other.variance[theirs], own.mean[mine] ** 2 + own.variance[mine])
        weighted = vector / (np.float32(scale.noise) + doubt)[:, np.newaxis]
        factors = vector.shape[1]
        precision, pull = np.zeros((slots, factors, factors), np.float32), np.zeros((slots, factors), np.float32)
        if len(rating):
            begins = np.flatnonzero(np.diff(slot, prepend=-1))
            precision[slot[begins]] = np.add.reduceat(weighted[:, :, np.newaxis] * vector[:, np.newaxis], begins)
            pull[slot[begins]] = np.add.reduceat(weighted * error[:, np.newaxis], begins)
        return precision, pull

    def _left(
        self, side: Side, residual: FloatArray, rows: dict[Side, _Rows], start: Tastes, scale: TasteScale
    ) -> Tastes:
        """Where the last followed row leaves each entity: its step is open."""
        data = self._sequences.side(side)
        followed = np.flatnonzero(self._followed[side])
        last = followed[np.flatnonzero(np.diff(data.row_entity[followed], append=-1))]
        counts = np.diff(data.rating_splits)[last]
        rating = concatenated_ranges(data.rating_splits[last], counts)
        sums = self._sums(side, rating, np.repeat(np.arange(len(last)), counts), len(last), residual, rows, scale)
        entity, still_open = data.row_entity[last], self._continued[side][last]
        left = Tastes(*(part.copy() for part in start))
        left.mean[entity], left.variance[entity] = rows[side].mean[last], rows[side].variance[last]
        for mine, theirs, found in zip((left.precision, left.pull), (start.precision, start.pull), sums, strict=True):
            mine[entity] = found
            mine[entity[still_open]] += theirs[entity[still_open]]
        return left


class _Rows:
    """Means and variances float32[R, k] of a side's rows."""

    def __init__(self, count: int, factors: int) -> None:
        self.mean, self.variance = (np.zeros((count, factors), np.float32) for _ in range(2))

    def set(self, rows: Positions, tastes: Tastes) -> None:
        """Takes over what is believed at some rows."""
        self.mean[rows], self.variance[rows] = tastes.mean, tastes.variance
