"""A file of users, to each of whom a saved model recommends items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from rrn_tf.data.reading.rejected import REASON, lines_of_rejected, reason_counts
from rrn_tf.data.reading.row_file import read_row_file
from rrn_tf.features import ITEM_ID, TIMESTAMP, USER_ID
from rrn_tf.serving.recommend_users import Recommended, recommend_users, users_at_a_time
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_rrn import SavedRRN

RANK, KNOWN = "rank", "known"


@dataclass(frozen=True)
class UserTable:
    """Rows of a file of users.

    Attributes:
      user_id: object[N]; of a row that cannot be used what stands in its place.
      timestamp: int64[N], unix seconds; 0 where there are none.
      timed: bool[N], where there are.
      usable: bool[N].
      reasons: numbers of rejected rows.
      messages: a line for each of the first rejected rows, then their number.
    """

    user_id: npt.NDArray[np.object_]
    timestamp: npt.NDArray[np.int64]
    timed: npt.NDArray[np.bool_]
    usable: npt.NDArray[np.bool_]
    reasons: dict[str, int]
    messages: list[str]


@dataclass(frozen=True)
class RecommendOutcome:
    """What `rrn recommend` did: rows answered, rows rejected and why, and those of users unknown to the model."""

    users: int
    rejected: int
    unknown_users: int
    items: int
    reasons: dict[str, int]
    messages: list[str]


def read_users(path: Path) -> UserTable:
    """Reads a CSV or Parquet file of `user_id` and, if there is one, `timestamp`, which may be empty.

    Raises:
      BadInputError: in one line: no such file, one that is not readable or lacks the column.
    """
    file = read_row_file(path, (USER_ID,), optional=(TIMESTAMP,))
    count, rejected = file.rows.total, file.rows.rejected
    user_id, timestamp, timed = np.empty(count, object), np.zeros(count, np.int64), np.zeros(count, bool)
    user_id[file.good], user_id[file.rejected] = file.rows.ids(USER_ID), file.rejected_fields(USER_ID)
    if TIMESTAMP in file.names and file.rows.good:
        times = pa.Table.from_batches(file.rows.good)[TIMESTAMP]
        timed[file.good], timestamp[file.good] = times.is_valid().to_numpy(), times.fill_null(0).to_numpy()
    usable = np.zeros(count, bool)
    usable[file.good] = True
    messages = lines_of_rejected(str(path), rejected, count)
    return UserTable(user_id, timestamp, timed, usable, reason_counts(rejected[REASON]), messages)


def recommend_file(
    saved: SavedRRN | SavedCollaborativeRNN,
    users: Path,
    output: Path,
    k: int,
    value: str,
    timestamp: int | None = None,
    on_users: Callable[[int, int], None] = lambda done, of: None,
    *,
    new_only: bool = False,
) -> RecommendOutcome:
    """Writes a CSV of recommended items: user, rank, item, its score or probability, and whether the user is known.

    Users keep their order; those of unusable rows have one line without an item. Where the file has times, so has the
    output.

    Args:
      saved: answers, many users at a time.
      users: see `read_users`.
      output: the CSV to write.
      k: how many items a user.
      value: name of the column of scores or probabilities.
      timestamp: unix seconds, for rows without a time of their own.
      on_users: is told how many users are done, and of how many.
      new_only: as that of `rrn_tf.serving.recommend_users.recommend_users`.
    """
    table = read_users(users)
    times = table.timestamp if timestamp is None else np.where(table.timed, table.timestamp, timestamp)
    timed = table.timed | (timestamp is not None)
    output.parent.mkdir(parents=True, exist_ok=True)
    count, step, unknown, items = len(table.user_id), users_at_a_time(k), 0, 0
    with output.open("w", newline="", encoding="utf-8") as file:
        for begin in range(0, max(count, 1), step):
            part = slice(begin, begin + step)
            usable = table.usable[part]
            ids, at, has_time = (of[part][usable] for of in (table.user_id, times, timed))
            found = recommend_users(saved, ids, at, has_time, k, new_only=new_only)
            frame, row = _lines(table.user_id[part], usable, found, value)
            if table.timed.any():
                frame[TIMESTAMP] = np.where(table.timed[part], table.timestamp[part].astype(str), "")[row]
            frame.to_csv(file, index=False, header=begin == 0, float_format="%.6g")
            unknown, items = unknown + int((~found.known).sum()), items + int((found.value > -np.inf).sum())
            on_users(min(begin + step, count), count)
    answered = int(table.usable.sum())
    return RecommendOutcome(answered, count - answered, unknown, items, table.reasons, table.messages)


def _lines(
    users: npt.NDArray[np.object_], answered: npt.NDArray[np.bool_], found: Recommended, value: str
) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """A line an item, and which of the users object[N] it is of; those who are not answered have an empty one."""
    there = found.value > -np.inf
    each = there.sum(axis=1)
    counts = np.ones(len(users), np.int64)
    counts[answered] = each
    row = np.repeat(np.arange(len(users)), counts)
    filled = answered[row]

    def column(values: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
        whole = np.full(len(row), "", object)
        whole[filled] = values
        return whole

    number = np.full(len(row), np.nan)
    number[filled] = found.value[there]
    known = np.repeat(np.where(found.known, "true", "false"), each)
    columns = {RANK: column(np.nonzero(there)[1] + 1), ITEM_ID: column(found.item[there]), value: number}
    return pd.DataFrame({USER_ID: users[row], **columns, KNOWN: column(known)}), row
