"""Counts how often each item followed in each context, as a sparse matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

Codes = npt.NDArray[np.int64]


class EventCounts:
    """Counts of items by context; the last row is empty and serves all contexts without events.

    Args:
      contexts: int64[N], an integer code of each event's context.
      items: int[N], item indices from 1.
      num_items: number M of items.

    Attributes:
      total: float64[contexts + 1], number of events of each row.
    """

    def __init__(self, contexts: Codes, items: npt.NDArray[np.integer], num_items: int) -> None:
        self._codes, row = np.unique(contexts, return_inverse=True)
        rows = len(self._codes) + 1
        entries = (np.ones(len(row), np.float32), (row, items.astype(np.int64) - 1))
        self._matrix = sparse.coo_matrix(entries, (rows, num_items)).tocsr()
        self._matrix.sum_duplicates()
        self.total = np.bincount(row, minlength=rows).astype(np.float64)

    @property
    def num_entries(self) -> int:
        """Number of distinct pairs of context and item."""
        return int(self._matrix.nnz)

    def rows(self, contexts: Codes) -> npt.NDArray[np.intp]:
        """Returns the row of each context: int[N]."""
        found = np.searchsorted(self._codes, contexts)
        known = self._codes[np.minimum(found, len(self._codes) - 1)] == contexts if len(self._codes) else False
        return np.where(known, found, len(self._codes))

    def at(self, rows: npt.NDArray[np.integer], items: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """Returns how often each item followed in the context of its row: float64[N]."""
        if not len(rows):
            return np.empty(0)
        return np.asarray(self._matrix[rows, items.astype(np.int64) - 1], np.float64).ravel()

    def sparse(self, contexts: Codes) -> Any:
        """Returns the counts of all items in contexts [R], as a sparse matrix [R, M]."""
        return self._matrix[self.rows(contexts)]

    def dense(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        """Returns the counts of all items: float32[B, M]."""
        return self._matrix[rows].toarray()

    def entries(
        self, rows: npt.NDArray[np.integer]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Returns position in `rows`, item index less one, and count of each non-zero entry."""
        chosen = self._matrix[rows].tocoo()
        return chosen.row.astype(np.int64), chosen.col.astype(np.int64), chosen.data
