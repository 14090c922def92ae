"""Checks and converts data frames to the library's types: ids as text, times in unix seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from rrn_tf.columns import ratings, text_ids, unix_seconds
from rrn_tf.features import RATING, TIMESTAMP, Side

Ids: TypeAlias = "Iterable[str | int] | str | int"


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


def one_of(name: str, value: str, known: Sequence[str]) -> str:
    """Returns a value after checking that it is one of those known.

    Raises:
      ValueError: if it is not.
    """
    if value not in known:
        raise ValueError(f"{name}: expected {' or '.join(known)}, found {value!r}")
    return value


def ids_of(ids: Ids, name: str) -> npt.NDArray[np.object_]:
    """Converts one id or many to text (see `rrn_tf.columns.text_ids`)."""
    if isinstance(ids, (pd.DataFrame, Mapping)):
        raise TypeError(f"{name}: expected one id or a list of them, found {type(ids).__name__}")
    return text_ids(ids, name)


def times_of(at: Any, count: int) -> npt.NDArray[np.int64]:
    """Returns unix seconds, int64[count], from one time for all or one for each."""
    if isinstance(at, str) or not isinstance(at, Iterable):
        return np.repeat(unix_seconds([at], "at"), count)
    times = unix_seconds(at, "at")
    if len(times) != count:
        raise ValueError(f"at: expected one time, or {count} of them, found {len(times)}")
    return times


def lengths_of(top_k: int | Sequence[int] | None) -> tuple[int, ...]:
    """Returns the lengths of lists to score, without repetitions."""
    given = () if top_k is None else (top_k,) if types.is_integer(top_k) else tuple(top_k)  # type: ignore[arg-type]
    if bad := [k for k in given if not types.is_integer(k) or k < 1]:
        raise ValueError(f"top_k: expected whole numbers of at least 1, found {bad[0]!r}")
    return tuple(dict.fromkeys(int(k) for k in given))


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
