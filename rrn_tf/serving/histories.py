"""Ratings or events of users that come with a request, instead of being stored in the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.arrays import concatenated_ranges
from rrn_tf.data.reading.in_memory import read_files, same_rows
from rrn_tf.data.reading.rejected import lines_of_rejected
from rrn_tf.data_format import DataFormat
from rrn_tf.features import ITEM_ID, RATING, TIMESTAMP, USER_ID

_CELLS = 1 << 16  # ratings or events of one request, including padding


class PaddedHistories(NamedTuple):
    """The histories of some users of a request, each in order of time, padded in front of its first row.

    Attributes:
      user: int64[M], positions of the users in the request.
      real: bool[M, H], False at padding, where the other values are empty or 0.
      item_id: object[M, H].
      timestamp: int64[M, H], unix seconds.
      rating: float32[M, H]; zeros for events.
    """

    user: npt.NDArray[np.int64]
    real: npt.NDArray[np.bool_]
    item_id: npt.NDArray[np.object_]
    timestamp: npt.NDArray[np.int64]
    rating: npt.NDArray[np.float32]


class Histories:
    """The ratings or events of any number of users, N rows in any order; those of one second stay in their order.

    Of several rows of one user, item and second the first counts.

    Args:
      user_id, item_id: string[N], ids.
      timestamp: int64[N], unix seconds.
      rating: float32[N]; None for events.

    Example:
      >>> given = Histories(["b", "a", "b"], ["x", "y", "z"], [9, 5, 7])
      >>> (found,) = given.of(["a", "nobody", "b"])
      >>> found.user.tolist(), found.item_id.tolist()
      ([0, 2], [['', 'y'], ['z', 'x']])
    """

    def __init__(
        self,
        user_id: npt.ArrayLike,
        item_id: npt.ArrayLike,
        timestamp: npt.ArrayLike,
        rating: npt.ArrayLike | None = None,
    ) -> None:
        users, items = np.asarray(user_id, object), np.asarray(item_id, object)
        times = np.asarray(timestamp, np.int64)
        ratings = np.zeros(len(times), np.float32) if rating is None else np.asarray(rating, np.float32)
        first = np.unique(same_rows(users, items, times), return_index=True)[1]
        code, self._users = pd.factorize(pd.Series(users[first], dtype=object))
        order = np.lexsort((first, times[first], code))
        rows = first[order]
        self.user_id, self.item_id, self.timestamp, self.rating = users[rows], items[rows], times[rows], ratings[rows]
        self._splits = np.concatenate([[0], np.cumsum(np.bincount(code, minlength=len(self._users)))])

    def __len__(self) -> int:
        return len(self.timestamp)

    @cached_property
    def _index(self) -> pd.Index:
        return pd.Index(self._users, dtype=object)

    def _numbers(self, user_id: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Returns the number of each user with a history, -1 for the others: int64[M]."""
        numbers: npt.NDArray[np.int64] = pd.Categorical(np.asarray(user_id, object), self._index).codes.astype(np.int64)
        return numbers

    def take(self, rows: npt.NDArray[np.bool_]) -> Histories:
        """Returns the rows of a mask over `user_id`."""
        return Histories(self.user_id[rows], self.item_id[rows], self.timestamp[rows], self.rating[rows])

    def have(self, user_id: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Returns whether each user has a history: bool[M]."""
        return self._numbers(user_id) >= 0

    def of(self, user_id: npt.ArrayLike) -> Iterator[PaddedHistories]:
        """Yields the histories of those users string[M] that have one, users of similar lengths together."""
        number = self._numbers(user_id)
        users = np.flatnonzero(number >= 0)
        length = np.diff(self._splits)[number[users]]
        users = users[np.argsort(length, kind="stable")]
        while len(users):
            begin, end = self._splits[number[users]], self._splits[number[users] + 1]
            # Users are in order of their lengths, so the first ones that fit are those whose last one does.
            fit = np.arange(1, len(users) + 1) * (end - begin) <= _CELLS
            count = max(int(fit.sum()), 1)
            yield self._padded(users[:count], begin[:count], end[:count])
            users = users[count:]

    def _padded(
        self, users: npt.NDArray[np.int64], begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
    ) -> PaddedHistories:
        width = int((end - begin).max())
        real = np.arange(width) >= (width - (end - begin))[:, np.newaxis]
        rows = concatenated_ranges(begin, end - begin)

        def padded(column: npt.NDArray[Any], nothing: str | int) -> npt.NDArray[Any]:
            whole = np.full(real.shape, nothing, column.dtype)
            whole[real] = column[rows]
            return whole

        columns = padded(self.item_id, ""), padded(self.timestamp, 0), padded(self.rating, 0)
        return PaddedHistories(users, real, *columns)


def read_histories(
    pattern: str, columns: Sequence[str], data_format: DataFormat | None = None
) -> tuple[Histories, list[str]]:
    """Reads histories from CSV or Parquet; also returns lines about rows that cannot be used.

    Args:
      pattern: a file or a glob.
      columns: the columns of a rating or of an event.
      data_format: what the user says about the files' format.

    Raises:
      BadInputError: in one line, for a file that is missing, is not readable or lacks a column.
    """
    rows, _ = read_files(pattern, columns, data_format)
    rating = rows.numbers(RATING, np.float32) if RATING in columns else None
    given = Histories(rows.ids(USER_ID), rows.ids(ITEM_ID), rows.numbers(TIMESTAMP), rating)
    return given, lines_of_rejected(pattern, rows.rejected, rows.total)
