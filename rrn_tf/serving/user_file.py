"""Recommendation of items to all users in a file by a saved model."""

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
from rrn_tf.data_format import DataFormat
from rrn_tf.features import ITEM_ID, TIMESTAMP, USER_ID
from rrn_tf.serving.recommend_users import Recommended, before_last, line_of_early, recommend_users, users_at_a_time
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_rrn import SavedRRN

RANK, KNOWN = "rank", "known"


@dataclass(frozen=True)
class UserTable:
    """Rows of a file of users.

    Attributes:
      user_id: object[N]; for an invalid row, the text of its field.
      timestamp: int64[N], unix seconds; 0 if a row has none.
      timed: bool[N], whether a row has a timestamp.
      usable: bool[N], whether a row is valid.
      reasons: numbers of rejected rows by reason.
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
    """The figures of `rrn recommend`: rows with recommendations, rejected rows by reason, and rows of unknown users."""

    users: int
    rejected: int
    unknown_users: int
    items: int
    reasons: dict[str, int]
    messages: list[str]


def read_users(path: Path, data_format: DataFormat | None = None) -> UserTable:
    """Reads a file of `user_id` and, if there is one, `timestamp`, which may be empty.

    Args:
      path: the file.
      data_format: what the user says about its format.

    Raises:
      BadInputError: in one line, for a file that is missing, is not readable or lacks the column.
    """
    file = read_row_file(path, (USER_ID,), optional=(TIMESTAMP,), data_format=data_format)
    count, rejected = file.rows.total, file.rows.rejected
    user_id, timestamp, timed = np.empty(count, object), np.zeros(count, np.int64), np.zeros(count, bool)
    user_id[file.good], user_id[file.rejected] = file.rows.ids(USER_ID), file.rejected_fields(USER_ID)
    if TIMESTAMP in file.columns and file.rows.good:
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
    data_format: DataFormat | None = None,
) -> RecommendOutcome:
    """Writes a CSV of recommended items: user, rank, item, score or probability, and whether the user is known.

    Users keep their order; invalid rows have one line without an item. The output has times if the file of users
    has them.

    Args:
      saved: the saved model, which recommends to many users at a time.
      users: see `read_users`.
      output: the CSV to write.
      k: number of items per user.
      value: name of the column of scores or probabilities.
      timestamp: unix seconds, for rows without a timestamp.
      on_users: called with the numbers of users done and of all users.
      new_only: as in `rrn_tf.serving.recommend_users.recommend_users`.
      data_format: see `read_users`.
    """
    table = read_users(users, data_format)
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
    early = before_last(saved, table.user_id[table.usable], times[table.usable], timed[table.usable])
    messages = [*table.messages, *(f"{users}: {line}" for line in line_of_early(saved, early))]
    return RecommendOutcome(answered, count - answered, unknown, items, table.reasons, messages)


def _lines(
    users: npt.NDArray[np.object_], answered: npt.NDArray[np.bool_], found: Recommended, value: str
) -> tuple[pd.DataFrame, npt.NDArray[np.int64]]:
    """Returns one row per item, and the index of its user in object[N]; users without items have an empty row."""
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
