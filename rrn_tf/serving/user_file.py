"""A file of users, to each of whom a saved model recommends items."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.features import ITEM_ID, TIMESTAMP, USER_ID
from rrn_tf.serving.query_file import MESSAGES, WHOLE, QueryFileError, unused
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
      messages: a line for the first rows that cannot be used, then their number.
    """

    user_id: npt.NDArray[np.object_]
    timestamp: npt.NDArray[np.int64]
    timed: npt.NDArray[np.bool_]
    usable: npt.NDArray[np.bool_]
    messages: list[str]


@dataclass(frozen=True)
class RecommendOutcome:
    """What `rrn recommend` did: rows answered, rows that could not be, and those of users unknown to the model."""

    users: int
    rejected: int
    unknown_users: int
    items: int
    messages: list[str]


def read_users(path: Path) -> UserTable:
    """Reads a CSV with the column `user_id` and, if there is one, `timestamp`; other columns are passed over.

    Raises:
      QueryFileError: for a missing file or column, or a file that is no CSV.
    """
    if not path.exists():
        raise QueryFileError(f"{path}: expected a CSV file, found none")
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        try:
            header, *rows = csv.reader(file)
        except (csv.Error, ValueError) as error:
            raise QueryFileError(f"{path}: expected a header with {USER_ID}: {error}") from None
    if USER_ID not in header:
        raise QueryFileError(f"{path}:1: expected a column {USER_ID}, found {', '.join(header)}")
    # Ends that are cut off are empty; of rows that are too long nobody knows what is what.
    width = len(header)
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    columns = list(itertools.zip_longest(*rows, fillvalue="")) if rows else []
    filled = np.flatnonzero(lengths)  # blank lines are none
    cells = {name: np.array(column, object)[filled] for name, column in zip(header, columns)}
    user = cells.get(USER_ID, np.full(len(filled), "", object))
    time = pd.Series(cells.get(TIMESTAMP, np.full(len(filled), "", object)), dtype=str).str.strip()
    timed = time.str.fullmatch(WHOLE).to_numpy(bool)
    found = lengths[filled]
    problems: list[tuple[npt.NDArray[np.bool_], Callable[[int], str]]] = [
        (found > width, lambda row: f"expected {width} fields, found {found[row]}"),
        (user == "", lambda row: f"{USER_ID} should be an id, found ''"),
        (~timed & (time != "").to_numpy(), lambda row: f"{TIMESTAMP} should be unix seconds, found {time[row]!r}"),
    ]
    usable = ~np.logical_or.reduce([bad for bad, _ in problems])
    messages = [
        f"{path}:{filled[row] + 2}: {next(said(row) for bad, said in problems if bad[row])}"
        for row in np.flatnonzero(~usable)[:MESSAGES]
    ]
    timestamp = time.where(timed, "0").astype(np.int64).to_numpy()
    return UserTable(user, timestamp, timed, usable, [*messages, *unused(path, usable)])


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
    return RecommendOutcome(answered, count - answered, unknown, items, table.messages)


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
