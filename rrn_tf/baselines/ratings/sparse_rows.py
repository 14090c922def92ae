"""The ratings of one side, row by row, so that any batch of rows is cut out without a loop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import concatenated_ranges
from rrn_tf.data.interactions import Interactions
from rrn_tf.features import Side


class RowBatch(NamedTuple):
    """Some rows of a sparse matrix; B rows, N entries, C columns that occur in them.

    Attributes:
      slot: int64[N], position in the batch of each entry's row.
      local: int64[N], position in `columns` of each entry's column.
      value: float32[N].
      columns: int64[C], ascending.
      share: float32[C], part of all entries of each column that is in this batch.
      size: B.
    """

    slot: npt.NDArray[np.int64]
    local: npt.NDArray[np.int64]
    value: npt.NDArray[np.float32]
    columns: npt.NDArray[np.int64]
    share: npt.NDArray[np.float32]
    size: int


class SparseRows:
    """A rating matrix in compressed rows; index 0 of either side, the unknown, has no entries.

    Args:
      ratings: the table; a pair rated twice has two entries.
      side: whose entities are the rows; the opposite side's are the columns.
      centre: subtracted from each rating.
    """

    def __init__(self, ratings: Interactions, side: Side, centre: float = 0.0) -> None:
        by_user = side is Side.USER
        row, column = (ratings.user, ratings.item) if by_user else (ratings.item, ratings.user)
        users, items = ratings.num_users + 1, ratings.num_items + 1
        self.num_rows, self.num_columns = (users, items) if by_user else (items, users)
        known = np.flatnonzero((row > 0) & (column > 0))
        self._order = known[np.argsort(row[known], kind="stable")]
        self._column = column[self._order].astype(np.int64)
        self._value = ratings.rating[self._order] - np.float32(centre)
        self.row_count = np.bincount(row[self._order], minlength=self.num_rows)
        self.column_count = np.bincount(self._column, minlength=self.num_columns)
        self._splits = np.concatenate([[0], np.cumsum(self.row_count)])

    def batch(self, rows: npt.NDArray[np.integer]) -> RowBatch:
        """The entries of the given rows."""
        slot = np.repeat(np.arange(len(rows)), self.row_count[rows])
        entry = self._entries(rows)
        columns, local, found = np.unique(self._column[entry], return_inverse=True, return_counts=True)
        share = (found / self.column_count[columns]).astype(np.float32)
        return RowBatch(slot, local, self._value[entry], columns, share, len(rows))

    def positions(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Where in the table of ratings the entries of the given rows are, in the order of `batch`."""
        return self._order[self._entries(rows)]

    def cut(self, rows: npt.NDArray[np.integer], most_rows: int, most_entries: int) -> list[npt.NDArray[np.integer]]:
        """Divides rows, in their order, into batches of about `most_rows` rows or `most_entries` entries."""
        load = np.maximum(self.row_count[rows] / most_entries, 1 / most_rows)
        batch = np.floor(np.cumsum(load) - load + 1e-9)
        return np.split(rows, np.flatnonzero(np.diff(batch)) + 1) if len(rows) else []

    def _entries(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        return concatenated_ranges(self._splits[rows], self.row_count[rows])
