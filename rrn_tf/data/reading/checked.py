"""What a check of a column finds, and steps that checks share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MISSING = "missing"
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_SHOWN = 60  # longest value in a message, in characters


Mask = npt.NDArray[np.bool_]


class Problem(NamedTuple):
    """A problem of some values of a column.

    Attributes:
      column: name of the column.
      kind: key of the problem; with the column's name it is the reason in the dead letters.
      rows: int64[K], positions of the values.
      text: description of the problem, to follow the column's name; ``{}`` is replaced by the value.
    """

    column: str
    kind: str
    rows: npt.NDArray[np.int64]
    text: str

    @property
    def reason(self) -> str:
        return f"{self.column}_{self.kind}"

    def words(self, columns: Mapping[str, pa.Array]) -> pa.Array | str:
        """Describes the problem of each row, with long values cut: string[K], or one text for all.

        Args:
          columns: the columns as they were read, by name.
        """
        before, value, after = f"{self.column} {self.text}".partition("{}")
        if not value:
            return before
        shown = columns[self.column].take(pa.array(self.rows)).cast(pa.string())
        shown = pc.replace_substring_regex(shown, r"[\x00-\x1f]", "?")
        cut = pc.binary_join_element_wise(pc.utf8_slice_codeunits(shown, 0, _SHOWN - 3), "...", "")
        shown = pc.if_else(pc.greater(pc.utf8_length(shown), _SHOWN), cut, shown)
        return pc.binary_join_element_wise(f"{before}'", shown, f"'{after}", "")


class Checked(NamedTuple):
    """A converted column and its problems; values of rows with problems are undefined."""

    values: pa.Array
    problems: list[Problem]


def checked(values: pa.Array, *problems: Problem) -> Checked:
    """Returns a column and those of the problems that some of its rows have."""
    return Checked(values, [problem for problem in problems if len(problem.rows)])


def cast(column: pa.Array | None, kind: pa.DataType) -> pa.Array | None:
    """Casts a column that has no bad value, as a fast path; returns None otherwise."""
    if column is None or column.null_count:
        return None
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def text(column: pa.Array) -> pa.Array:
    """Converts values to trimmed text without a plus sign, and null to empty text."""
    if pa.types.is_floating(column.type):
        # As floats, large numbers would be written with an exponent.
        integral = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), 2.0**62))
        whole = pc.if_else(integral.fill_null(False), column, None).cast(pa.int64()).cast(pa.string())
        column = pc.coalesce(whole, column.cast(pa.string()))
    column = column.cast(pa.string()).fill_null("")
    return pc.replace_substring_regex(pc.utf8_trim_whitespace(column), r"^\+", "")


def only(good: Mask, text: pa.Array) -> pa.Array:
    """Returns the good texts, and null for the others."""
    return pc.if_else(pa.array(good), text, pa.scalar(None, pa.string()))


def matches(text: pa.Array, pattern: str) -> Mask:
    """Returns which texts have a part that matches a regular expression."""
    return mask(pc.match_substring_regex(text, pattern))


def mask(flags: pa.Array) -> Mask:
    """Converts flags to bool[N]; null is false."""
    return flags.fill_null(False).to_numpy(zero_copy_only=False)
