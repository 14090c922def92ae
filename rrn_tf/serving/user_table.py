"""A file of users to recommend to. Importing this module does not import TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rrn_tf.data.reading.rejected import REASON, lines_of_rejected, reason_counts
from rrn_tf.data.reading.row_file import read_row_file
from rrn_tf.data_format import DataFormat
from rrn_tf.features import TIMESTAMP, USER_ID


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
