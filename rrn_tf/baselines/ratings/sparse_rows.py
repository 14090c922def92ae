"""A sparse rating matrix with one row for each user or item, from which batches of rows are taken without a loop."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import concatenated_ranges
from rrn_tf.data.interactions import Interactions
from rrn_tf.features import Side


class RowBatch(NamedTuple):
    """B rows of a sparse matrix with N entries in C distinct columns.

    Attributes:
      slot: int64[N], position in the batch of each entry's row.
      local: int64[N], position in `columns` of each entry's column.
      value: float32[N], value of each entry.
      columns: int64[C], the columns that occur, ascending.
      fraction: float32[C], fraction of all entries of each column that are in this batch.
      size: number of rows B.
    """

    slot: npt.NDArray[np.int64]
    local: npt.NDArray[np.int64]
    value: npt.NDArray[np.float32]
    columns: npt.NDArray[np.int64]
    fraction: npt.NDArray[np.float32]
    size: int


class SparseRows:
    """A rating matrix in compressed rows; index 0 of either side, the unknown entity, has no entries.

    Args:
      ratings: the ratings; a pair rated twice has two entries.
      side: side of the entities of the rows; the columns are the opposite side's.
      centre: value that is subtracted from each rating.
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
        """Returns the entries of the given rows."""
        slot = np.repeat(np.arange(len(rows)), self.row_count[rows])
        entry = self._entries(rows)
        columns, local, found = np.unique(self._column[entry], return_inverse=True, return_counts=True)
        fraction = (found / self.column_count[columns]).astype(np.float32)
        return RowBatch(slot, local, self._value[entry], columns, fraction, len(rows))

    def positions(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Returns indices in the table of ratings of the entries of the given rows, in the order of `batch`."""
        return self._order[self._entries(rows)]

    def cut(self, rows: npt.NDArray[np.integer], most_rows: int, most_entries: int) -> list[npt.NDArray[np.integer]]:
        """Divides rows, in their order, into batches of about `most_rows` rows or `most_entries` entries."""
        load = np.maximum(self.row_count[rows] / most_entries, 1 / most_rows)
        batch = np.floor(np.cumsum(load) - load + 1e-9)
        return np.split(rows, np.flatnonzero(np.diff(batch)) + 1) if len(rows) else []

    def _entries(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        return concatenated_ranges(self._splits[rows], self.row_count[rows])
