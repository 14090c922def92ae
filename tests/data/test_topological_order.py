"""Rows by the longest chain that leads to them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.data.topological_order import dependency_levels, longest_paths
from rrn_tf.features import SIDES, Side


def test_a_level_is_one_more_than_the_highest_of_what_a_row_needs(prepared_dir: Path) -> None:
    sequences = load_sequences(prepared_dir)
    found = dependency_levels(sequences, {side: sequences.side(side).step < 0 for side in SIDES})

    @cache
    def level(side: Side, row: int) -> int:
        data = sequences.side(side)
        if row == data.row_splits[data.row_entity[row]]:
            return 0
        fed = slice(data.rating_splits[row - 1], data.rating_splits[row])
        needed = [level(side.opposite, int(other)) for other in data.opposite_row[fed]]
        return 1 + max(level(side, row - 1), *needed)

    for side in SIDES:
        data = sequences.side(side)
        expected = [level(side, row) if data.step[row] < 0 else -1 for row in range(data.num_rows)]
        np.testing.assert_array_equal(found[side], expected)
    assert found[Side.USER].max() > 10


def test_chains_are_shorter_than_points_in_time(prepared_dir: Path) -> None:
    sequences = load_sequences(prepared_dir)
    levels = dependency_levels(sequences, {side: np.ones(sequences.side(side).num_rows, bool) for side in SIDES})
    times = [np.unique(sequences.side(side).step * sequences.metadata.granularity(side)) for side in SIDES]
    assert all((levels[side] >= 0).all() for side in SIDES)
    assert max(levels[side].max() for side in SIDES) < len(np.unique(np.concatenate(times)))


def test_longest_paths_of_a_small_graph() -> None:
    before, after = np.array([0, 0, 1, 3, 0, 0]), np.array([1, 2, 2, 2, 4, 4])
    assert longest_paths(before, after, 6).tolist() == [0, 1, 2, 0, 1, 0]
    assert longest_paths(before[:0], after[:0], 2).tolist() == [0, 0]
