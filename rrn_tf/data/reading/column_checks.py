"""Checks and converts whole columns of text or numbers to ids, ratings and timestamps, and finds bad values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rrn_tf import features
from rrn_tf.data.reading import checked
from rrn_tf.data.reading.checked import Checked, Mask, Problem
from rrn_tf.data.reading.record_batches import encode_ids
from rrn_tf.data.reading.time_checks import check_times

LONGEST_ID = 1_000  # bytes
_NOT_FINITE = r"(?i)^[+-]?(nan|inf|infinity)$"


def check(name: str, column: pa.Array, *, time: str = "", optional: bool = False) -> Checked:
    """Checks and converts a column of the data contract.

    Args:
      name: the name of the column.
      column: its values, of a type that the check for this column accepts.
      time: what timestamps are, as in `rrn_tf.data_format.DataFormat`.
      optional: whether values may be missing, which are then null.
    """
    if name == features.RATING:
        found = check_ratings(column)
    elif name == features.TIMESTAMP:
        found = check_times(column, time)
    else:
        found = check_ids(name, column)
    missing = [problem.rows for problem in found.problems if problem.kind == checked.MISSING]
    if not (optional and missing):
        return found
    there = np.ones(len(column), bool)
    there[np.concatenate(missing)] = False
    values = pc.if_else(pa.array(there), found.values, None)
    return Checked(values, [problem for problem in found.problems if problem.kind != checked.MISSING])


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
    broken = checked.mask(pc.match_substring_regex(values, r"[\x00\n\r]"))
    blank = checked.mask(pc.equal(pc.utf8_trim_whitespace(values), "")) & ~broken
    too_long = pc.binary_length(values).to_numpy(zero_copy_only=False) > LONGEST_ID
    codes = ids.indices.fill_null(-1).to_numpy(zero_copy_only=False)

    def rows(bad: Mask) -> npt.NDArray[np.int64]:
        return np.flatnonzero(np.append(bad, False)[codes]) if bad.any() else np.empty(0, np.int64)

    return checked.checked(
        ids,
        Problem(name, checked.MISSING, np.flatnonzero(codes < 0), "is missing"),
        Problem(name, checked.MISSING, rows(blank), "is missing: expected text, found {}"),
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
    numbers = checked.cast(column, pa.float64())
    if numbers is not None:
        narrow = _narrow(numbers)
        if (np.abs(narrow) <= features.LARGEST_RATING).all():
            return Checked(pa.array(narrow), [])
    text = checked.text(column)
    missing, word, number = (
        checked.mask(pc.equal(text, "")),
        checked.matches(text, _NOT_FINITE),
        checked.matches(text, checked.NUMBER),
    )
    values = checked.only(number, text).cast(pa.float64()).fill_null(0.0)
    large = np.abs(values.to_numpy()) > features.LARGEST_RATING
    return checked.checked(
        pa.array(_narrow(values)),
        Problem(name, checked.MISSING, np.flatnonzero(missing), "is missing"),
        Problem(name, "not_finite", np.flatnonzero(word), "{} is not finite"),
        Problem(name, "not_a_number", np.flatnonzero(~missing & ~word & ~number), "{} is not a number"),
        Problem(name, "out_of_range", np.flatnonzero(large), f"{{}} should be at most {features.LARGEST_RATING:g}"),
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


def _narrow(values: pa.Array) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):
        return values.to_numpy(zero_copy_only=False).astype(np.float32)
