"""Recommendation of items to all users in a file by a saved model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rrn_tf.data.items import TITLE
from rrn_tf.features import CANDIDATES, EXCLUDE, ITEM_ID, NEW_ONLY, SCORE, TIMESTAMP, USER_ID
from rrn_tf.serving.histories import Histories
from rrn_tf.serving.recommend_users import Recommended, before_last, line_of_early, recommend_users, users_of_a_request
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.table_file import written_table
from rrn_tf.serving.user_table import UserTable, read_users

RANK, KNOWN = "rank", "known"
_SCHEMA = pa.schema(
    [(USER_ID, pa.string()), (RANK, pa.int64()), (ITEM_ID, pa.string()), (SCORE, pa.float64()), (KNOWN, pa.bool_())]
)


@dataclass(frozen=True)
class RecommendOutcome:
    """The figures of `rrn recommend`: rows with recommendations, rejected rows by reason, and rows of unknown users."""

    users: int
    rejected: int
    unknown_users: int
    items: int
    reasons: dict[str, int]
    messages: list[str]


def recommend_file(
    saved: SavedRRN | SavedCollaborativeRNN,
    users: Path | UserTable,
    output: Path,
    k: int,
    value: str,
    timestamp: int | None = None,
    on_users: Callable[[int, int], None] = lambda done, of: None,
    *,
    exclude: Sequence[str] = (),
    candidates: Sequence[str] | None = None,
    new_only: bool = False,
    histories: Histories | None = None,
    titles: Mapping[str, str] | None = None,
) -> RecommendOutcome:
    """Writes a table of recommended items: user, rank, item, score or probability, and whether the user is known.

    Users keep their order; invalid rows have one line without an item. The output has titles after the items if there
    are any, and times if the file of users has them.

    Args:
      saved: the saved model, which recommends to many users at a time.
      users: a file (see `read_users`), or what was read from it.
      output: the file to write, Parquet by its suffix, else CSV.
      k: number of items per user.
      value: name of the column of scores or probabilities.
      timestamp: unix seconds, for rows without a timestamp.
      on_users: called with the numbers of users done and of all users.
      exclude, candidates, new_only, histories: as in `rrn_tf.serving.recommend_users.recommend_users`.
      titles: titles by item.
    """
    table = users if isinstance(users, UserTable) else read_users(users)
    times = table.timestamp if timestamp is None else np.where(table.timed, table.timestamp, timestamp)
    timed = table.timed | (timestamp is not None)
    count, step, unknown, items = len(table.user_id), users_of_a_request(saved, k, exclude, candidates), 0, 0
    options: dict[str, Any] = {EXCLUDE: exclude, CANDIDATES: candidates, NEW_ONLY: new_only}
    schema = _SCHEMA.set(_SCHEMA.get_field_index(SCORE), pa.field(value, pa.float64()))
    if titles:
        schema = schema.insert(schema.get_field_index(ITEM_ID) + 1, pa.field(TITLE, pa.string()))
    if table.timed.any():
        schema = schema.append(pa.field(TIMESTAMP, pa.int64()))
    with written_table(output, schema) as write:
        for begin in range(0, count, step):
            part = slice(begin, begin + step)
            usable = table.usable[part]
            ids, at, has_time = (of[part][usable] for of in (table.user_id, times, timed))
            found = recommend_users(saved, ids, at, has_time, k, histories=histories, **options)
            columns, row = _lines(table.user_id[part], usable, found)
            if titles:
                named = columns[schema.get_field_index(ITEM_ID)].to_pandas().map(titles).astype(object)
                columns.insert(schema.get_field_index(TITLE), pa.array(named.to_numpy(), pa.string(), from_pandas=True))
            if TIMESTAMP in schema.names:
                columns.append(pa.array(table.timestamp[part][row], mask=~table.timed[part][row]))
            write(pa.Table.from_arrays(columns, schema=schema))
            unknown, items = unknown + int((~found.known).sum()), items + int((found.value > -np.inf).sum())
            on_users(min(begin + step, count), count)
    answered = int(table.usable.sum())
    early = before_last(saved, table.user_id[table.usable], times[table.usable], timed[table.usable])
    messages = [*table.messages, *line_of_early(saved, early)]
    return RecommendOutcome(answered, count - answered, unknown, items, table.reasons, messages)


def _lines(
    users: npt.NDArray[np.object_], answered: npt.NDArray[np.bool_], found: Recommended
) -> tuple[list[pa.Array], npt.NDArray[np.int64]]:
    """Returns columns with one row per item, and the index of its user in object[N]; users without items have a row."""
    there = found.value > -np.inf
    each = there.sum(axis=1)
    counts = np.ones(len(users), np.int64)
    counts[answered] = each
    row = np.repeat(np.arange(len(users)), counts)
    filled = answered[row]

    def column(values: npt.NDArray[Any], kind: pa.DataType) -> pa.Array:
        whole = np.zeros(len(row), values.dtype)
        whole[filled] = values
        return pa.array(whole, kind, mask=~filled)

    return [
        pa.array(users[row], pa.string()),
        column(np.nonzero(there)[1] + 1, pa.int64()),
        column(found.item[there], pa.string()),
        column(found.value[there], pa.float64()),
        column(np.repeat(found.known, each), pa.bool_()),
    ], row
