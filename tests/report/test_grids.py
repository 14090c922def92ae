"""Cells of tables in a page."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rrn_tf.report.grids import MOST_ROWS, Cell, grid_of


@pytest.mark.parametrize(
    ("value", "how", "text", "number"),
    [
        (3, "", "3", True),
        (np.int64(2013), "", "2013", True),
        (12_345, "", "12,345", True),
        (0.123456, "", "0.1235", True),
        (np.float32(0.5), "+.2f", "+0.50", True),
        (3, ".1f", "3.0", True),
        (float("nan"), ".2f", "", True),
        (float("inf"), "", "inf", True),
        (None, "", "", False),
        (True, "", "yes", False),
        ("<b>", ".2f", "<b>", False),
        (pd.Timestamp("2013-05-01"), "%Y-%m", "2013-05", False),
    ],
)
def test_cells(value: object, how: str, text: str, number: bool) -> None:
    frame = pd.DataFrame({"a_b": pd.Series([value], dtype=object)})
    grid = grid_of(frame, {"a_b": how} if how else {})
    assert grid.headings == ["a b"]
    assert grid.rows == [[Cell(text, number)]]


def test_a_long_table_is_cut_and_counted() -> None:
    grid = grid_of(pd.DataFrame({"n": range(1_000)}))
    assert (len(grid.rows), grid.total) == (MOST_ROWS, 1_000)
