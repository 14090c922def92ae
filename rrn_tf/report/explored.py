"""What both kinds of explored data share: which items and users are shown, their titles, and the dates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.items import titles

DATES = 40  # of lines through time
BEST = 10  # items of a list

Ints = npt.NDArray[np.int64]


def most_frequent(counts: Ints, most: int) -> Ints:
    """Returns the indices of the largest counts, the largest first, without those of 0.

    Args:
      counts: int64[I + 1], by index; index 0, the unknown one, is never returned.
      most: how many indices to return at most.

    Example:
      >>> most_frequent(np.array([9, 2, 0, 5, 2]), 3).tolist()
      [3, 1, 4]
    """
    order = np.argsort(-counts[1:], kind="stable") + 1
    return order[counts[order] > 0][: max(most, 0)]


def indices_of(users: Sequence[str], user_ids: npt.NDArray[np.object_]) -> Ints:
    """Returns the indices, from 1, of the users that the page may show: int64[N], each once.

    Raises:
      ValueError: in one line, for an id that the data do not have.
    """
    wanted = list(dict.fromkeys(users))
    index = places_of(wanted, user_ids) + 1
    if not index.all():
        raise ValueError(f"--users: expected ids of users in the data, found {wanted[np.argmin(index)]!r}")
    return index


def places_of(names: Sequence[str], known: Sequence[str] | npt.NDArray[np.object_]) -> Ints:
    """Returns the places of N names in a list of different names: int64[N], -1 for names that are not in it."""
    return pd.Categorical(names, categories=known).codes.astype(np.int64)


def even_dates(timestamp: npt.NDArray[np.integer]) -> Ints:
    """Returns unix seconds int64[DATES], evenly from the first time to the last."""
    return np.linspace(int(timestamp.min()), int(timestamp.max()), DATES).round().astype(np.int64)


def named(ids: npt.NDArray[np.object_], items: pd.DataFrame | None) -> dict[str, list[Any]]:
    """Returns the ids of the items shown and, where titles are known, a title or None for each.

    Args:
      ids: object[N].
      items: attributes of items (see `ReportOptions.items`), or None.
    """
    columns: dict[str, list[Any]] = {"id": [str(name) for name in ids]}
    if known := titles(items):
        columns["title"] = [known.get(name) for name in columns["id"]]
    return columns


def rounded(values: npt.NDArray[np.floating], digits: int = 2) -> list[Any]:
    """Returns nested lists of numbers rounded to some digits, with None for NaN."""
    numbers = np.round(values.astype(np.float64), digits).astype(object)
    numbers[np.isnan(values)] = None
    nested: list[Any] = numbers.tolist()
    return nested
