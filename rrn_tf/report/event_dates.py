"""Reads a file of dates at which something happened to items, such as an award."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rrn_tf.data.prepared import BadInputError
from rrn_tf.features import ITEM_ID
from rrn_tf.times import EXPECTED_TIME, parse_times

DATE = "date"
_LAST = int(pd.Timestamp.max.timestamp()) - 1


def read_event_dates(path: str | Path) -> pd.DataFrame:
    """Reads dates of events.

    Args:
      path: CSV with a column `item_id`, a column `date` (as of `rrn_tf.times.parse_time`), and others that name the
        event.

    Returns:
      A row for each event: `item_id` as text, `date` as datetime64 in UTC, and the other columns as text.

    Raises:
      BadInputError: in one line, for a file that cannot be read, has no such columns or no rows, or for a row without
        an item or with a date that is none.
    """
    try:
        frame = pd.read_csv(path, dtype=str, skipinitialspace=True, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise BadInputError(f"{path}: --events: expected a file of dates, found no such file") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, IsADirectoryError) as error:
        told = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise BadInputError(
            f"{path}: --events: expected a CSV file of dates, found one that cannot be read: {told}"
        ) from None
    frame.columns = frame.columns.str.strip()
    for name in (ITEM_ID, DATE):
        if name not in frame:
            found = ", ".join(frame.columns)
            raise BadInputError(f"{path}: --events: expected the columns {ITEM_ID} and {DATE}, found {found}")
    if frame.empty:
        raise BadInputError(f"{path}: --events: expected dates, found none")
    seconds, readable = parse_times(frame[DATE])
    readable &= np.abs(seconds) < _LAST
    for good, name, expected in ((frame[ITEM_ID] != "", ITEM_ID, "an item"), (readable, DATE, EXPECTED_TIME)):
        if not np.all(good):
            row = int(np.argmin(good))
            # The first line has the names.
            raise BadInputError(f"{path}:{row + 2}: --events: expected {expected}, found {frame[name][row]!r}")
    return frame.assign(**{DATE: pd.to_datetime(seconds, unit="s")})
