"""Topological order of both sides' steps: the level of a step is the longest chain of steps that it depends on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import concatenated_ranges
from rrn_tf.data.sequences import RatingSequences, SideSequences
from rrn_tf.features import SIDES, Side

Ints = npt.NDArray[np.int64]


def dependency_levels(sequences: RatingSequences, rolled: dict[Side, npt.NDArray[np.bool_]]) -> dict[Side, Ints]:
    """Computes how many steps must be computed, one after the other, before each step.

    A step depends on its entity's preceding step, and on the opposite steps that predict that step's ratings, which are
    its inputs. There are far fewer levels than points in time: most steps of a day are independent of each other.

    Args:
      sequences: the data.
      rolled: per side, bool[R]: whether a step is to be computed; dependencies on other steps are ignored.

    Returns:
      Per side, int64[R]: the level, from 0; -1 for steps that are not computed.
    """
    offset = {Side.USER: 0, Side.ITEM: sequences.user.num_rows}
    data = [sequences.side(side) for side in SIDES]
    edges = [_edges(part, offset[part.side], offset[part.side.opposite]) for part in data]
    source, target = (np.concatenate(column) for column in zip(*edges, strict=True))
    all_rolled = np.concatenate([rolled[side] for side in SIDES])
    real = all_rolled[source] & all_rolled[target]
    level = np.where(all_rolled, longest_paths(source[real], target[real], len(all_rolled)), -1)
    return {side: level[offset[side] : offset[side] + sequences.side(side).num_rows] for side in SIDES}


def longest_paths(before: Ints, after: Ints, nodes: int) -> Ints:
    """How many nodes come before each on its longest path, int64[nodes].

    Args:
      before, after: int64[K], the edges; there is no cycle, and an edge may be there several times.
      nodes: their number.
    """
    order = np.argsort(before, kind="stable")
    after = after[order]
    begins = np.searchsorted(before[order], np.arange(nodes + 1))
    waits_for = np.bincount(after, minlength=nodes)
    length = np.zeros(nodes, np.int64)
    ready, number = np.flatnonzero(waits_for == 0), 0
    while len(ready):
        length[ready] = number
        reached = after[concatenated_ranges(begins[ready], begins[ready + 1] - begins[ready])]
        reached, times = np.unique(reached, return_counts=True)
        waits_for[reached] -= times
        ready, number = reached[waits_for[reached] == 0], number + 1
    return length


class RowsByLevel(NamedTuple):
    """A side's A steps in order of level, with their N input ratings; L levels.

    Attributes:
      row: int64[A], index of the step.
      row_splits: int64[L + 1], where each level's steps begin and end.
      rating: int64[N], positions on the side: the ratings of the preceding step.
      slot: int64[N], index, within the level, of the step to which each is an input; ascending within a level.
      rating_splits: int64[L + 1], where the ratings of each level begin and end.
    """

    row: Ints
    row_splits: Ints
    rating: Ints
    slot: Ints
    rating_splits: Ints

    def at(self, level: int) -> RowsByLevel:
        """Returns one level alone."""
        rows = slice(*self.row_splits[level : level + 2])
        ratings = slice(*self.rating_splits[level : level + 2])
        splits = np.array([0, rows.stop - rows.start]), np.array([0, ratings.stop - ratings.start])
        return RowsByLevel(self.row[rows], splits[0], self.rating[ratings], self.slot[ratings], splits[1])


def rows_by_level(data: SideSequences, level: Ints, levels: int) -> RowsByLevel:
    """Sorts steps by level (see `dependency_levels`), each with the ratings of its entity's preceding step.

    Args:
      data: the side.
      level: int64[R]; steps of level -1 are left out.
      levels: number L of levels.
    """
    row = np.argsort(level, kind="stable")[np.count_nonzero(level < 0) :]
    row_splits = np.searchsorted(level[row], np.arange(levels + 1))
    counts = np.where(data.place[row] > 0, np.diff(data.rating_splits)[row - 1], 0)
    position = np.arange(len(row)) - np.repeat(row_splits[:-1], np.diff(row_splits))
    return RowsByLevel(
        row=row,
        row_splits=row_splits,
        rating=concatenated_ranges(data.rating_splits[row - 1], counts),
        slot=np.repeat(position, counts),
        rating_splits=np.concatenate([[0], np.cumsum(counts)])[row_splits],
    )


def _edges(data: SideSequences, own: int, opposite: int) -> tuple[Ints, Ints]:
    """Returns pairs of steps, the second depending on the first; `own` and `opposite` are the sides' index offsets."""
    later = np.flatnonzero(data.place > 0)
    counts = np.diff(data.rating_splits)[later - 1]
    predicted_by = data.opposite_row[concatenated_ranges(data.rating_splits[later - 1], counts)]
    source = np.concatenate([own + later - 1, opposite + predicted_by])
    return source, own + np.concatenate([later, np.repeat(later, counts)])
