"""Checks and converts whole columns of text or numbers to ids, ratings and timestamps, and finds bad values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rrn_tf import features
from rrn_tf.data.reading.record_batches import encode_ids
from rrn_tf.times import LAST_SECOND

LONGEST_ID = 1_000  # bytes
_MISSING = "missing"
_SHOWN = 60  # longest value in a message, in characters
_LARGEST_RATING = float(np.finfo(np.float32).max)
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_NOT_FINITE = r"(?i)^[+-]?(nan|inf|infinity)$"
_ISO_TIME = "%Y-%m-%dT%H:%M:%SZ"
_INTEGRAL = r"^[+-]?\d+(\.0*)?$"

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


def check(name: str, column: pa.Array, *, iso_times: bool = False, optional: bool = False) -> Checked:
    """Checks and converts a column of the data contract.

    Args:
      name: the name of the column.
      column: its values, of a type that the check for this column accepts.
      iso_times: whether timestamps are ISO times.
      optional: whether values may be missing, which are then null.
    """
    if name == features.RATING:
        checked = check_ratings(column)
    elif name == features.TIMESTAMP:
        checked = check_iso_times(column) if iso_times else check_timestamps(column)
    else:
        checked = check_ids(name, column)
    missing = [problem.rows for problem in checked.problems if problem.kind == _MISSING]
    if not (optional and missing):
        return checked
    there = np.ones(len(column), bool)
    there[np.concatenate(missing)] = False
    values = pc.if_else(pa.array(there), checked.values, None)
    return Checked(values, [problem for problem in checked.problems if problem.kind != _MISSING])


def check_ids(name: str, column: pa.Array) -> Checked:
    """Checks ids, which are kept byte for byte: white space around an id is part of it.

    Args:
      name: the name of the column.
      column: text, dictionary-encoded text or integers; null is a missing id.

    Returns:
      Dictionary-encoded ids.
    """
    ids = encode_ids(column)
    values = ids.dictionary
    # An id must fit on one line of a vocabulary file.
    broken = _mask(pc.match_substring_regex(values, r"[\x00\n\r]"))
    blank = _mask(pc.equal(pc.utf8_trim_whitespace(values), "")) & ~broken
    too_long = pc.binary_length(values).to_numpy(zero_copy_only=False) > LONGEST_ID
    codes = ids.indices.fill_null(-1).to_numpy(zero_copy_only=False)

    def rows(bad: Mask) -> npt.NDArray[np.int64]:
        return np.flatnonzero(np.append(bad, False)[codes]) if bad.any() else np.empty(0, np.int64)

    return _checked(
        ids,
        Problem(name, _MISSING, np.flatnonzero(codes < 0), "is missing"),
        Problem(name, _MISSING, rows(blank), "is missing: expected text, found {}"),
        Problem(name, "too_long", rows(too_long), f"should have at most {LONGEST_ID:,} bytes, found {{}}"),
        Problem(name, "line_break", rows(broken), "should be one line of text, found {}"),
    )


def check_ratings(column: pa.Array) -> Checked:
    """Checks ratings: numbers, or text in decimal or exponent notation.

    Args:
      column: text or any number type.

    Returns:
      float32 ratings.
    """
    name = features.RATING
    numbers = _cast(column, pa.float64())
    if numbers is not None:
        narrow = _narrow(numbers)
        if np.isfinite(narrow).all():
            return Checked(pa.array(narrow), [])
    text = _text(column)
    missing, word, number = _mask(pc.equal(text, "")), _matches(text, _NOT_FINITE), _matches(text, _NUMBER)
    values = _only(number, text).cast(pa.float64()).fill_null(0.0)
    large = np.abs(values.to_numpy()) > _LARGEST_RATING
    return _checked(
        pa.array(_narrow(values)),
        Problem(name, _MISSING, np.flatnonzero(missing), "is missing"),
        Problem(name, "not_finite", np.flatnonzero(word), "{} is not finite"),
        Problem(name, "not_a_number", np.flatnonzero(~missing & ~word & ~number), "{} is not a number"),
        Problem(name, "out_of_range", np.flatnonzero(large), "{} is beyond the range of 32-bit numbers"),
    )


def check_timestamps(column: pa.Array) -> Checked:
    """Checks timestamps: integers, integral decimals such as ``17.0``, their text, or Arrow times (cut to the second).

    Args:
      column: text, any number type, or timestamps.

    Returns:
      int64 unix seconds.
    """
    name = features.TIMESTAMP
    if pa.types.is_timestamp(column.type):
        # Floored first, because casts round towards zero.
        column = pc.floor_temporal(column, unit="second").cast(pa.timestamp("s")).cast(pa.int64())
    numbers = _cast(column, pa.int64())
    if numbers is not None:
        values = numbers.to_numpy()
        if not len(values) or (values.min() >= 0 and values.max() <= LAST_SECOND):
            return Checked(numbers, [])
    text = _text(column)
    missing, number, integral = _mask(pc.equal(text, "")), _matches(text, _NUMBER), _matches(text, _INTEGRAL)
    digits = pc.replace_substring_regex(pc.replace_substring_regex(text, r"\.0*$", ""), r"^([+-]?)0+(\d)", r"\1\2")
    negative = integral & _matches(digits, r"^-.*[1-9]")
    long = integral & ~negative & (pc.utf8_length(digits).to_numpy(zero_copy_only=False) > 18)
    values = _only(integral & ~negative & ~long, digits).cast(pa.int64()).fill_null(0)
    late = long | (values.to_numpy() > LAST_SECOND)
    return _checked(
        values,
        Problem(name, _MISSING, np.flatnonzero(missing), "is missing"),
        Problem(name, "not_a_number", np.flatnonzero(~missing & ~number), "{} is not a number"),
        Problem(name, "not_an_integer", np.flatnonzero(number & ~integral), "{} is not an integer"),
        Problem(name, "negative", np.flatnonzero(negative), "{} is negative"),
        Problem(name, "out_of_range", np.flatnonzero(late), "{} is beyond the year 9999: expected unix seconds"),
    )


def check_iso_times(column: pa.Array) -> Checked:
    """Checks timestamps as ISO times in UTC, such as ``2010-10-17T01:48:53Z``.

    Args:
      column: text.

    Returns:
      int64 unix seconds.
    """
    name = features.TIMESTAMP
    values = _cast(_cast(column, pa.timestamp("s", "UTC")), pa.int64())
    if values is not None and not (len(values) and pc.min(values).as_py() < 0):
        return Checked(values, [])
    text = _text(column)
    times = pc.strptime(text, format=_ISO_TIME, unit="s", error_is_null=True)
    # Formatted again for comparison, because the parser reads the 31st of June as the 1st of July.
    good = _mask(pc.equal(pc.strftime(times, format=_ISO_TIME), text))
    values = times.cast(pa.int64()).fill_null(0)
    missing, negative = _mask(pc.equal(text, "")), good & (values.to_numpy() < 0)
    return _checked(
        values,
        Problem(name, _MISSING, np.flatnonzero(missing), "is missing"),
        Problem(name, "not_a_time", np.flatnonzero(~missing & ~good), "{} is not a time such as 2010-10-17T01:48:53Z"),
        Problem(name, "negative", np.flatnonzero(negative), "{} is before 1970"),
    )


def first_problems(problems: list[Problem], rows: int) -> tuple[Mask, list[Problem]]:
    """Assigns each bad row to the first of its problems.

    Args:
      problems: the problems of all columns.
      rows: number of rows.

    Returns:
      bad: bool[rows], whether a row has a problem.
      problems: the problems, each row in at most one of them.
    """
    bad = np.zeros(rows, bool)
    first = []
    for problem in problems:
        fresh = problem.rows[~bad[problem.rows]]
        bad[fresh] = True
        if len(fresh):
            first.append(problem._replace(rows=fresh))
    return bad, first


def _checked(values: pa.Array, *problems: Problem) -> Checked:
    return Checked(values, [problem for problem in problems if len(problem.rows)])


def _cast(column: pa.Array | None, kind: pa.DataType) -> pa.Array | None:
    """Casts a column that has no bad value, as a fast path; returns None otherwise."""
    if column is None or column.null_count:
        return None
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _text(column: pa.Array) -> pa.Array:
    """Converts values to trimmed text without a plus sign, and null to empty text."""
    if pa.types.is_floating(column.type):
        # As floats, large numbers would be written with an exponent.
        integral = pc.and_(pc.equal(pc.floor(column), column), pc.less(pc.abs(column), 2.0**62))
        whole = pc.if_else(integral.fill_null(False), column, None).cast(pa.int64()).cast(pa.string())
        column = pc.coalesce(whole, column.cast(pa.string()))
    column = column.cast(pa.string()).fill_null("")
    return pc.replace_substring_regex(pc.utf8_trim_whitespace(column), r"^\+", "")


def _only(good: Mask, text: pa.Array) -> pa.Array:
    return pc.if_else(pa.array(good), text, pa.scalar(None, pa.string()))


def _matches(text: pa.Array, pattern: str) -> Mask:
    return _mask(pc.match_substring_regex(text, pattern))


def _mask(flags: pa.Array) -> Mask:
    return flags.fill_null(False).to_numpy(zero_copy_only=False)


def _narrow(values: pa.Array) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):
        return values.to_numpy(zero_copy_only=False).astype(np.float32)
