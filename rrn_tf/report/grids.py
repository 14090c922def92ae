"""Tables as a page shows them: headings and cells as text, with the first rows of a long one."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

MOST_ROWS = 60  # of a table in the page; its CSV file has all


class Cell(NamedTuple):
    """A cell: its text, and whether it is a number, which is aligned to the right."""

    text: str
    number: bool


class Grid(NamedTuple):
    """A table of texts.

    Attributes:
      headings: of the columns.
      rows: the cells of each row.
      total: number of rows of the whole table.
    """

    headings: list[str]
    rows: list[list[Cell]]
    total: int


def grid_of(frame: pd.DataFrame, formats: Mapping[str, str] | None = None) -> Grid:
    """Returns a table's headings and the cells of its first `MOST_ROWS` rows.

    Args:
      frame: the table.
      formats: how to write the numbers of a column, as a format specification such as ``+.4f``.
    """
    specifications = [(formats or {}).get(str(name), "") for name in frame.columns]
    rows = [
        [_cell(value, how) for value, how in zip(row, specifications, strict=True)]
        for row in frame.head(MOST_ROWS).itertuples(index=False, name=None)
    ]
    return Grid([str(name).replace("_", " ") for name in frame.columns], rows, len(frame))


def _cell(value: Any, how: str) -> Cell:
    if isinstance(value, bool | np.bool_):
        return Cell("yes" if value else "no", False)
    if isinstance(value, numbers.Number):
        return Cell(_number(value, how), True)
    if value is None or value is pd.NaT or value is pd.NA:
        return Cell("", False)
    return Cell(format(value, how) if how and not isinstance(value, str) else str(value), False)


def _number(value: Any, how: str) -> str:
    if isinstance(value, numbers.Integral):
        # A year has no separator.
        return format(int(value), how or ("," if abs(int(value)) >= 10_000 else "d"))
    if not math.isfinite(value):
        return "" if math.isnan(value) else str(value)
    return format(float(value), how or ".4g")
