from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.baselines.ratings.sparse_rows import SparseRows
from rrn_tf.data.interactions import Interactions
from rrn_tf.features import SIDES, Side

# User 2 has rated nothing, item 3 is never rated; two rows are of an unknown entity.
RATINGS = Interactions(
    np.array([3, 1, 0, 1, 3], np.int32),
    np.array([2, 1, 1, 2, 0], np.int32),
    np.array([5.0, 1.0, 9.0, 2.0, 9.0], np.float32),
    np.zeros(5, np.int64),
    3,
    3,
)
MATRIX = np.array([[0, 0, 0, 0], [0, 1, 2, 0], [0, 0, 0, 0], [0, 0, 5, 0]])  # users by items


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("rows", [[1, 3], [3, 1, 2], [0], []])
def test_a_batch_holds_the_entries_of_its_rows(side: Side, rows: list[int]) -> None:
    matrix = MATRIX if side is Side.USER else MATRIX.T
    batch = SparseRows(RATINGS, side).batch(np.array(rows, np.int64))
    found = np.zeros((len(rows), 4))
    found[batch.slot, batch.columns[batch.local]] = batch.value
    np.testing.assert_array_equal(found, matrix[rows])
    assert batch.size == len(rows)
    fraction = (matrix[rows] > 0).sum(0) / np.maximum((matrix > 0).sum(0), 1)
    np.testing.assert_allclose(batch.fraction, fraction[fraction > 0])


def test_the_centre_is_taken_off_observed_ratings_alone() -> None:
    batch = SparseRows(RATINGS, Side.USER, centre=2.0).batch(np.array([1]))
    np.testing.assert_array_equal(batch.value, [-1, 0])


def test_cuts_keep_order_and_bounds(rng: np.random.Generator) -> None:
    n, users = 2000, 100
    table = Interactions(
        rng.integers(1, users + 1, n).astype(np.int32),
        rng.integers(1, 50, n).astype(np.int32),
        np.ones(n, np.float32),
        np.zeros(n, np.int64),
        users,
        50,
    )
    rows, order = SparseRows(table, Side.USER), rng.permutation(np.arange(1, users + 1))
    for most_rows, most_entries in ((7, 10_000), (100, 150), (10, 1)):
        batches = rows.cut(order, most_rows, most_entries)
        np.testing.assert_array_equal(np.concatenate(batches), order)
        assert max(map(len, batches)) <= most_rows
        # A row is never divided, so that the last one of a batch may go beyond the bound.
        assert max(rows.row_count[batch][:-1].sum() for batch in batches) <= most_entries
    assert len(rows.cut(order, 7, 10_000)) == 15
    assert rows.cut(order[:0], 7, 10) == []
