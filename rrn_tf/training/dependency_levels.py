"""Which rows of both sides can be rolled at once: rows by the longest chain of rows that lead to them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import concatenated_ranges
from rrn_tf.data.sequences import RatingSequences, SideSequences
from rrn_tf.features import SIDES, Side

Ints = npt.NDArray[np.int64]


def dependency_levels(sequences: RatingSequences, rolled: dict[Side, npt.NDArray[np.bool_]]) -> dict[Side, Ints]:
    """How many rows must be rolled, one after the other, before each row.

    A row goes on from its entity's row before, and is fed the ratings of that row, each beside the opposite row that
    predicted it. Chains are far shorter than there are points in time: most rows of a day have nothing to do with each
    other.

    Args:
      sequences: the data.
      rolled: per side, bool[R]: the rows to be rolled; no other is waited for.

    Returns:
      Per side, int64[R]: the level, from 0; -1 where a row is not rolled.
    """
    offset = {Side.USER: 0, Side.ITEM: sequences.user.num_rows}
    data = [sequences.side(side) for side in SIDES]
    edges = [_edges(part, offset[part.side], offset[part.side.opposite]) for part in data]
    source, target = (np.concatenate(column) for column in zip(*edges, strict=True))
    all_rolled = np.concatenate([rolled[side] for side in SIDES])
    real = all_rolled[source] & all_rolled[target]
    source, target = source[real], target[real]

    order = np.argsort(source, kind="stable")
    target = target[order]
    splits = np.searchsorted(source[order], np.arange(len(all_rolled) + 1))
    waits_for = np.bincount(target, minlength=len(all_rolled))
    level = np.full(len(all_rolled), -1)
    ready, number = np.flatnonzero(all_rolled & (waits_for == 0)), 0
    while len(ready):
        level[ready] = number
        reached = target[concatenated_ranges(splits[ready], splits[ready + 1] - splits[ready])]
        np.subtract.at(waits_for, reached, 1)
        ready, number = np.unique(reached[waits_for[reached] == 0]), number + 1
    return {side: level[offset[side] : offset[side] + sequences.side(side).num_rows] for side in SIDES}


def _edges(data: SideSequences, own: int, opposite: int) -> tuple[Ints, Ints]:
    """Pairs of rows, the first of which the second depends on; `own` and `opposite` are the sides' first numbers."""
    later = np.flatnonzero(data.place > 0)
    counts = np.diff(data.rating_splits)[later - 1]
    predicted_by = data.opposite_row[concatenated_ranges(data.rating_splits[later - 1], counts)]
    source = np.concatenate([own + later - 1, opposite + predicted_by])
    return source, own + np.concatenate([later, np.repeat(later, counts)])
