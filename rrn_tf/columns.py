"""Columns that a caller passes in Python: ids become text and times unix seconds, or one clear error says why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from rrn_tf.features import LARGEST_RATING, RATING, TIMESTAMP
from rrn_tf.times import EXPECTED_TIME, LAST_SECOND, parse_times


def text_ids(values: Any, name: str, *, empty: bool = False) -> npt.NDArray[np.object_]:
    """Converts ids to text; whole numbers are written in decimal.

    Args:
      values: one value or an iterable of many: text or whole numbers.
      name: the name of the values in error messages.
      empty: whether empty text is accepted, which is the id of nobody.

    Returns:
      object[N], the ids as text.

    Raises:
      TypeError: for ids of another type.
      ValueError: for a missing id and, unless `empty`, an empty one.

    Example:
      >>> text_ids([7, 42], "user_id").tolist()
      ['7', '42']
    """
    given = _held(values)
    if isinstance(given, (list, np.ndarray)):
        plain = np.asarray(given, object)
        # As most requests of a model have them; what is below takes longer than the model.
        if plain.ndim == 1 and types.infer_dtype(plain, skipna=False) == "string" and (empty or (plain != "").all()):
            return plain
    ids = pd.Series(given, dtype=object).reset_index(drop=True)
    refuse(ids.isna() | ((ids == "") & (not empty)), ids, name, "an id")
    kind = types.infer_dtype(ids, skipna=False)
    mixed = kind == "mixed-integer" and set(ids.map(type)) <= {str, int}
    if not mixed and kind not in ("string", "integer", "empty"):
        raise TypeError(f"{name}: expected ids that are text or whole numbers, found {kind}")
    return ids.astype(str).to_numpy(object)


def unix_seconds(values: Any, name: str = TIMESTAMP) -> npt.NDArray[np.int64]:
    """Converts times to unix seconds, int64[N]; a time without a zone is UTC.

    Args:
      values: one value or an iterable of many: numbers, which are unix seconds; text as of `rrn_tf.times.parse_time`;
        datetime64, or Timestamps.
      name: the name of the values in error messages.

    Raises:
      TypeError: for times of another type.
      ValueError: for a missing time, and for one that cannot be read.

    Example:
      >>> unix_seconds(pd.to_datetime(["2030-01-01"])).tolist() == unix_seconds(["2030"]).tolist() == [1893456000]
      True
    """
    given = _held(values)
    if isinstance(given, np.ndarray) and given.dtype == np.int64 and given.ndim == 1 and _in_seconds(given):
        return given
    try:
        times = pd.Series(given).reset_index(drop=True)
    except OverflowError:  # a number beyond all floats among floats
        raise ValueError(
            f"{name}: expected unix seconds before the year 10000 in every row, found a larger one"
        ) from None
    refuse(times.isna(), times, name, "a time")
    kind = types.infer_dtype(times, skipna=False)
    if kind == "string":
        seconds = _of_text(times, name)
    elif kind in ("datetime", "datetime64", "date"):
        seconds = _of_moments(times, name)
    elif kind in ("integer", "floating", "mixed-integer-float", "empty"):
        _refuse_far(times, times, name)  # before numbers of Python become narrower ones
        seconds = times.astype(np.int64 if kind == "integer" else np.float64)
        refuse(seconds != np.floor(seconds), times, name, "whole unix seconds")
    else:
        raise TypeError(f"{name}: expected unix seconds, ISO dates or timestamps, found {kind}")
    _refuse_far(seconds, times, name)
    return seconds.to_numpy(np.int64)


def ratings(values: Any, name: str = RATING) -> npt.NDArray[np.float32]:
    """Converts ratings to float32[N].

    Args:
      values: numbers.
      name: the name of the values in error messages.

    Raises:
      TypeError: for values that are not numbers.
      ValueError: for a rating that is missing, or not between -`LARGEST_RATING` and `LARGEST_RATING`.
    """
    given = pd.Series(_held(values)).reset_index(drop=True)
    if len(given) and (types.is_bool_dtype(given) or not types.is_numeric_dtype(given)):
        raise TypeError(f"{name}: expected numbers, found {types.infer_dtype(given, skipna=False)}")
    numbers = given.astype(np.float64)
    refuse(~np.isfinite(numbers), given, name, "a finite number")
    refuse(numbers.abs() > LARGEST_RATING, given, name, f"a number of at most {LARGEST_RATING:g}")
    return numbers.to_numpy(np.float32)


def check_lengths(**columns: Any) -> None:
    """Checks that columns have as many rows as the first.

    Raises:
      ValueError: if one has not.
    """
    (first, like), *others = columns.items()
    for name, values in others:
        if len(values) != len(like):
            raise ValueError(f"expected as many rows of {name} as of {first}, found {len(values)} and {len(like)}")


def refuse(bad: pd.Series, values: pd.Series, name: str, expected: str) -> None:
    """Raises a ValueError that names the first bad value and its row, if any is bad.

    Args:
      bad: bool[N].
      values: the N values, for the message.
      name: the name of the values.
      expected: what was expected in every row.
    """
    if bad.any():
        row = int(np.argmax(bad.to_numpy(bool)))
        # As a list: NumPy 2 would show its own number as np.float64(1.5).
        (found,) = values.iloc[row : row + 1].tolist()
        raise ValueError(f"{name}: expected {expected} in every row, found {found!r} in row {row}")


def _refuse_far(seconds: pd.Series, times: pd.Series, name: str) -> None:
    refuse(~seconds.between(-LAST_SECOND, LAST_SECOND), times, name, "unix seconds before the year 10000")


def _held(values: Any) -> Any:
    """Returns values in what a `pandas.Series` is made of: a pandas object as it is, else an array or a list."""
    if isinstance(values, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray)):
        return values
    if hasattr(values, "__array__"):  # tensors too
        return np.atleast_1d(np.asarray(values))
    many = isinstance(values, Iterable) and not isinstance(values, (str, bytes, Mapping))
    return list(values if many else [values]) or np.empty(0, object)


def _in_seconds(numbers: npt.NDArray[np.int64]) -> bool:
    """Returns whether no number is too large for seconds before the year 10000."""
    return not len(numbers) or bool(numbers.min() >= -LAST_SECOND and numbers.max() <= LAST_SECOND)


def _of_text(times: pd.Series, name: str) -> pd.Series:
    seconds, readable = parse_times(times.astype(str).to_numpy(object))
    refuse(pd.Series(~readable), times, name, EXPECTED_TIME)
    return pd.Series(seconds)


# pandas 2 reads all values by the format of the first, unless it is told; pandas 1 does not know the word.
_EACH_ITS_FORMAT: dict[str, Any] = {} if pd.__version__.startswith("1.") else {"format": "mixed"}


def _of_moments(times: pd.Series, name: str) -> pd.Series:
    moments = pd.to_datetime(times, utc=True, errors="coerce", **_EACH_ITS_FORMAT)
    refuse(moments.isna(), times, name, "a time between the years 1678 and 2261")
    seconds = moments.dt.tz_localize(None).to_numpy("datetime64[s]").astype(np.int64)
    return pd.Series(seconds, times.index)
