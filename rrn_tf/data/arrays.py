"""Arithmetic on flat arrays, and operations on tables, which are named tuples of columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

_LEAST, _MOST = np.iinfo(np.int32).min, np.iinfo(np.int32).max
Sums = npt.NDArray[np.float64]
Total = Callable[[Sums], Sums]  # adds up the sums of all workers
# A NamedTuple of arrays of one length.
Table = TypeVar("Table", bound=tuple[Any, ...])


def concatenated_ranges(start: npt.NDArray[np.int64], size: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Returns ``start[0], start[0] + 1, … (size[0] of them), start[1], …`` as one array."""
    offset = np.cumsum(size) - size
    return np.repeat(start - offset, size) + np.arange(int(size.sum()))


def narrowed(numbers: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Returns whole numbers as int32 if they fit, else as int64."""
    fit = not len(numbers) or (numbers.min() >= _LEAST and numbers.max() <= _MOST)
    return numbers.astype(np.int32 if fit else np.int64, copy=False)


def same(sums: Sums) -> Sums:
    """Returns sums as they are: those over all of the data, where none are divided among workers."""
    return sums


def root_mean_square(errors: npt.NDArray[np.floating], total: Total = same) -> float:
    """Root of the mean of squares float[N], the mean in double precision; NaN without any.

    Args:
      errors: float[N]; where these are divided among workers, one worker's.
      total: adds up sums float64[n] of all workers.
    """
    return float(np.sqrt(mean(np.sum(errors**2, dtype=np.float64), len(errors), total)))


def mean(of: float, count: int, total: Total = same) -> float:
    """Mean of `count` numbers whose sum is given, of all workers as in `root_mean_square`; NaN without any."""
    summed, counted = total(np.array([of, count], np.float64))
    return float(summed / counted) if counted else float("nan")


def take_rows(table: Table, rows: npt.NDArray[Any] | slice) -> Table:
    """Returns the rows of a mask, of positions or of a slice, in that order."""
    return type(table)(*(column[rows] for column in table))


def concatenate_rows(tables: Sequence[Table]) -> Table:
    """Concatenates the rows of one or more tables."""
    return type(tables[0])(*map(np.concatenate, zip(*tables, strict=True)))
