"""Rejected rows, with their place, the reason and their text."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rrn_tf.data.reading import record_batches

_LONGEST_TEXT = 500  # bytes kept of a rejected row's text
_MESSAGES = 3  # rows listed one by one, before their number

REASON = "reason"
REJECTED = pa.schema(
    [
        ("file", pa.string()),
        ("line", pa.int64()),
        (REASON, pa.string()),
        ("message", pa.string()),
        ("row", pa.string()),
    ]
)


class RejectedRow(NamedTuple):
    """One rejected row, as in the dead-letter file.

    Attributes:
      file: path of the file.
      line: physical line of the file, from 1; for Parquet the row number, from 1.
      reason: short stable key, such as ``rating_not_a_number``.
      message: the problem, such as ``ratings.csv:17: rating 'abc' is not a number``.
      row: the row's text, cut if it is very long.
    """

    file: str
    line: int
    reason: str
    message: str
    row: str


def rejected_batch(
    file: str,
    line: npt.NDArray[np.integer],
    reason: str,
    problem: pa.Array | list[str] | str,
    row: pa.Array | list[str],
) -> pa.RecordBatch:
    """Returns a batch of rows of one file that are rejected for the same reason.

    Args:
      file: path of the file.
      line: int[N], line numbers.
      reason: the key of the reason.
      problem: N descriptions, or one for all; the message is the place followed by the description.
      row: the N rows' texts.
    """
    lines = pa.array(line, pa.int64())
    problems = pa.scalar(problem) if isinstance(problem, str) else _texts(problem)
    message = pc.binary_join_element_wise(file, ":", lines.cast(pa.string()), ": ", problems, "")
    same = [pa.array([value]).take(pa.array(np.zeros(len(lines), np.int8))) for value in (file, reason)]
    row = pc.utf8_slice_codeunits(_texts(row), 0, _LONGEST_TEXT)
    return pa.RecordBatch.from_arrays([same[0], lines, same[1], message, row], schema=REJECTED)


def split_off(
    batch: pa.RecordBatch, rows: npt.NDArray[np.int64], reason: str, problem: pa.Array
) -> tuple[pa.RecordBatch, list[pa.RecordBatch]]:
    """Splits rows off a batch: returns the other rows, and a list of one rejected batch, empty without such rows.

    Args:
      batch: valid rows of one file.
      rows: int64[K], positions of the rows to reject.
      reason: the key of the reason.
      problem: string[K], descriptions of the problem.
    """
    if not len(rows):
        return batch, []
    bad = record_batches.take(batch, rows)
    file, line = record_batches.file_of(batch), record_batches.numbers(bad, record_batches.LINE)
    kept = np.delete(np.arange(batch.num_rows), rows)
    return record_batches.take(batch, kept), [rejected_batch(file, line, reason, problem, record_batches.texts(bad))]


def _texts(values: pa.Array | list[str]) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, pa.string())


def rejected_rows(batch: pa.RecordBatch) -> list[RejectedRow]:
    """Returns the rows of a batch as objects."""
    return [RejectedRow(**row) for row in batch.to_pylist()]


def in_order(batches: list[pa.RecordBatch]) -> pa.Table:
    """Returns the rejected rows of all batches, sorted by file and line."""
    table = pa.Table.from_batches(batches, REJECTED)
    return table.take(pc.sort_indices(table, [("file", "ascending"), ("line", "ascending")]))


def reason_counts(reason: pa.Array | pa.ChunkedArray) -> dict[str, int]:
    """Counts rows by reason, in alphabetical order."""
    return {count["values"]: count["counts"] for count in sorted(reason.value_counts().to_pylist(), key=str)}


def lines_of_rejected(source: str, rejected: pa.Table, rows: int) -> list[str]:
    """Returns a line for each of the first rejected rows, and one with their numbers by reason; empty without any.

    Args:
      source: the name of the input.
      rejected: the rejected rows in order, of the schema `REJECTED`.
      rows: the number of rows read.
    """
    if not rejected.num_rows:
        return []
    counts = reason_counts(rejected[REASON])
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in counts.items())
    total = f"{source}: {rejected.num_rows:,} of {rows:,} rows could not be used: {reasons}"
    return [*rejected["message"][:_MESSAGES].to_pylist(), total]
