"""Checks and converts data frames to the library's types: ids as text, times in unix seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from rrn_tf.features import RATING, TIMESTAMP, Side

Ids: TypeAlias = "Iterable[str | int] | str | int"

_LAST_SECOND = 253_402_300_799  # of the year 9999; larger numbers are not in seconds
_SECONDS = r"\s*-?\d{1,18}\s*"
_ISO = r"\s*\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?\s*(?:Z|[+-]\d{2}:?\d{2})?\s*"


def checked(frame: Any, columns: Sequence[str]) -> pd.DataFrame:
    """Returns the named columns of a frame in the library's types, with rows in their order, numbered from 0.

    Args:
      frame: the frame that the caller passed.
      columns: names among `rrn_tf.features.COLUMNS`.

    Returns:
      Ids as text, ratings float32, times int64 in unix seconds.

    Raises:
      TypeError: for anything but a data frame, and for columns of other types.
      ValueError: for a missing column, and for missing or invalid values.
    """
    if not isinstance(frame, pd.DataFrame):
        expected = f"expected a data frame with the columns {', '.join(columns)}"
        raise TypeError(f"{expected}, found {type(frame).__name__}")
    if missing := [column for column in columns if column not in frame]:
        found = ", ".join(map(str, frame.columns)) or "none"
        raise ValueError(f"expected the columns {', '.join(columns)}, found {found} (no {missing[0]})")
    reading = {RATING: ratings, TIMESTAMP: unix_seconds}
    return pd.DataFrame({name: reading.get(name, text_ids)(frame[name], name) for name in columns})


def text_ids(values: Iterable[Any], name: str) -> npt.NDArray[np.object_]:
    """Converts ids to text; whole numbers are written in decimal.

    Args:
      values: text or whole numbers.
      name: the name of the values in error messages.

    Raises:
      TypeError: for ids of another type.
      ValueError: for a missing or empty id.
    """
    ids = pd.Series(values, dtype=object).reset_index(drop=True)
    _refuse(ids.isna() | (ids == ""), ids, name, "an id")
    kind = types.infer_dtype(ids, skipna=False)
    mixed = kind == "mixed-integer" and set(ids.map(type)) <= {str, int}
    if not mixed and kind not in ("string", "integer", "empty"):
        raise TypeError(f"{name}: expected ids that are text or whole numbers, found {kind}")
    return ids.astype(str).to_numpy(object)


def unix_seconds(values: Iterable[Any], name: str = TIMESTAMP) -> npt.NDArray[np.int64]:
    """Converts times to unix seconds, int64[N]; a time without a zone is UTC.

    Args:
      values: unix seconds, ISO dates or date-times as text, datetime64, or Timestamps.
      name: the name of the values in error messages.

    Raises:
      TypeError: for times of another type.
      ValueError: for a missing time, and for one that cannot be read.
    """
    times = pd.Series(values).reset_index(drop=True)
    _refuse(times.isna(), times, name, "a time")
    kind = types.infer_dtype(times, skipna=False)
    if kind == "string":
        text = times.astype(str)
        plain = text.str.fullmatch(_SECONDS)
        _refuse(~plain & ~text.str.fullmatch(_ISO), times, name, "unix seconds or an ISO date such as 2005-12-01")
        seconds = text.where(plain, "0").astype(np.int64)
        seconds[~plain] = _of_moments(text[~plain], name)
    elif kind in ("datetime", "datetime64", "date"):
        seconds = _of_moments(times, name)
    elif kind in ("integer", "floating", "mixed-integer-float", "empty"):
        seconds = times.astype(np.int64 if kind == "integer" else np.float64)
        _refuse(seconds != np.floor(seconds), times, name, "whole unix seconds")
    else:
        raise TypeError(f"{name}: expected unix seconds, ISO dates or timestamps, found {kind}")
    _refuse(~seconds.between(-_LAST_SECOND, _LAST_SECOND), times, name, "unix seconds before the year 10000")
    return seconds.to_numpy(np.int64)


def ratings(values: Iterable[Any], name: str = RATING) -> npt.NDArray[np.float32]:
    """Converts ratings to float32[N].

    Raises:
      TypeError: for values that are not numbers.
      ValueError: for a missing or infinite rating.
    """
    given = pd.Series(values).reset_index(drop=True)
    if len(given) and (types.is_bool_dtype(given) or not types.is_numeric_dtype(given)):
        raise TypeError(f"{name}: expected numbers, found {types.infer_dtype(given, skipna=False)}")
    numbers = given.astype(np.float64).to_numpy(np.float32)
    _refuse(pd.Series(~np.isfinite(numbers)), given, name, "a finite number")
    return numbers


def one_of(name: str, value: str, known: Sequence[str]) -> str:
    """Returns a value after checking that it is one of those known.

    Raises:
      ValueError: if it is not.
    """
    if value not in known:
        raise ValueError(f"{name}: expected {' or '.join(known)}, found {value!r}")
    return value


def ids_of(ids: Ids, name: str) -> npt.NDArray[np.object_]:
    """Converts one id or many to text (see `rrn_tf.recommenders.frames.text_ids`)."""
    if isinstance(ids, (pd.DataFrame, Mapping)):
        raise TypeError(f"{name}: expected one id or a list of them, found {type(ids).__name__}")
    if isinstance(ids, str) or not isinstance(ids, Iterable):
        return text_ids([ids], name)
    return text_ids(ids if isinstance(ids, (pd.Series, pd.Index, np.ndarray)) else list(ids), name)


def times_of(at: Any, count: int) -> npt.NDArray[np.int64]:
    """Returns unix seconds, int64[count], from one time for all or one for each."""
    if isinstance(at, str) or not isinstance(at, Iterable):
        return np.repeat(unix_seconds([at], "at"), count)
    times = unix_seconds(at, "at")
    if len(times) != count:
        raise ValueError(f"at: expected one time, or {count} of them, found {len(times)}")
    return times


def side_of(users: Ids | None, items: Ids | None) -> tuple[Side, npt.NDArray[np.object_]]:
    """Returns the side for which ids are given, and the ids."""
    side, given = (Side.USER, users) if items is None else (Side.ITEM, items)
    if given is None or (users is not None and items is not None):
        raise ValueError(f"expected one of users and items, found {'none' if given is None else 'both'}")
    return side, ids_of(given, side.id_feature)


def rows_among(known: npt.NDArray[np.object_], ids: npt.NDArray[np.object_]) -> npt.NDArray[np.int64]:
    """Returns the indices of ids among those that a model knows, from 1; 0 for unknown ids."""
    return pd.Categorical(ids, categories=known).codes.astype(np.int64) + 1


def states_frame(
    side: Side, ids: npt.NDArray[np.object_], vectors: npt.NDArray[np.floating], moving: int
) -> pd.DataFrame:
    """Returns a frame with a row for each id: the first `moving` columns are its state, the others its factors."""
    names = [f"state_{n}" for n in range(moving)] + [f"factor_{n}" for n in range(vectors.shape[1] - moving)]
    return pd.DataFrame(vectors, pd.Index(ids, name=side.id_feature), names)


# pandas 2 reads all texts by the format of the first, unless it is told; pandas 1 does not know the word.
_EACH_ITS_FORMAT: dict[str, Any] = {} if pd.__version__.startswith("1.") else {"format": "mixed"}


def _of_moments(times: pd.Series, name: str) -> pd.Series:
    moments = pd.to_datetime(times, utc=True, errors="coerce", **_EACH_ITS_FORMAT)
    _refuse(moments.isna(), times, name, "a time between the years 1678 and 2261")
    seconds = moments.dt.tz_localize(None).to_numpy("datetime64[s]").astype(np.int64)
    return pd.Series(seconds, times.index)


def _refuse(bad: pd.Series, values: pd.Series, name: str, expected: str) -> None:
    """Raises a ValueError that names the first bad value and its row, if any is bad."""
    if bad.any():
        row = int(np.argmax(bad.to_numpy(bool)))
        # As a list: NumPy 2 would show its own number as np.float64(1.5).
        (found,) = values.iloc[row : row + 1].tolist()
        raise ValueError(f"{name}: expected {expected} in every row, found {found!r} in row {row}")
