"""Rows of CSV with quotes other than around whole fields, and rows of several lines.

A quoted line break is accepted in a column that is not read, if no line inside looks like a row of its own: in a file
that was cut or joined at a quote no good row is lost, and each line with an open quote is rejected alone.
"""

from __future__ import annotations

import csv
from collections.abc import Container

import numpy as np

from rrn_tf.data.reading.header import Header
from rrn_tf.data.reading.lines import BlockLines, Lines, lines_of
from rrn_tf.features import RATING, TIMESTAMP

UNBALANCED = "quotes are not balanced in this line (a line break within quotes is read in columns that are not used)"
_QUOTE = 34
_LONGEST = 1 << 20  # bytes of a row of several lines


def quoted_rows(
    lines: BlockLines, header: Header, malformed: Container[int] = ()
) -> tuple[dict[int, list[str]], list[int], list[int]]:
    """Finds rows that only a full parser of CSV can read.

    Args:
      lines: the lines of a block.
      header: how the file is read.
      malformed: lines that cannot be read anyway.

    Returns:
      The fields of such rows by their first line, lines with unbalanced quotes, and further lines of rows.
    """
    rows: dict[int, list[str]] = {}
    unbalanced: list[int] = []
    within: list[int] = []
    if not header.quoted or b'"' not in lines.data:
        return rows, unbalanced, within
    odd, awkward = _quoted(lines, header.delimiter)
    joined, unbalanced = _joined(lines, header, odd.tolist())
    for first, (last, fields) in joined.items():
        if any(line in malformed for line in range(first, last + 1)):
            unbalanced += [first, last]
            continue
        rows[first] = fields
        within += range(first + 1, last + 1)
    inside = set(within)
    for line in awkward.tolist():
        if line in malformed or line in inside:
            continue
        fields_found = split_strictly(_text(lines, line, line), header.delimiter)
        if fields_found is None:
            unbalanced.append(line)
        else:
            rows[line] = fields_found
    return rows, unbalanced, within


def whole_rows(data: bytes, header: Header) -> int:
    """Returns the number of bytes up to the last line end that is also the end of a row."""
    end = data.rfind(b"\n") + 1
    if not header.quoted or b'"' not in data[:end]:
        return end
    lines = lines_of(data[:end])
    odd = _quoted(lines, header.delimiter)[0].tolist()
    _, unbalanced = _joined(lines, header, odd)
    if not unbalanced or unbalanced[-1] != odd[-1]:
        return end
    # The last quote is open: its row may go on in the next block.
    start = int(lines.starts[odd[-1]])
    return start if end - start < _LONGEST else end


def split_strictly(line: str, separator: str = ",") -> list[str] | None:
    """Splits a row with balanced quotes into fields; returns None for other rows."""
    try:
        (fields,) = csv.reader([line], strict=True, delimiter=separator)
    except (csv.Error, ValueError):
        return None
    return fields


def _joined(lines: BlockLines, header: Header, odd: list[int]) -> tuple[dict[int, tuple[int, list[str]]], list[int]]:
    """Joins lines with an odd number of quotes, two by two.

    Returns:
      The last line and the fields of each row of several lines, by its first line; and the lines that fit no other.
    """
    rows: dict[int, tuple[int, list[str]]] = {}
    alone: list[int] = []
    at = 0
    while at < len(odd):
        first, last = odd[at], odd[min(at + 1, len(odd) - 1)]
        fields = _row_of_lines(lines, header, first, last) if last > first else None
        if fields is None:
            alone.append(first)
        else:
            rows[first] = (last, fields)
        at += 1 if fields is None else 2
    return rows, alone


def _row_of_lines(lines: BlockLines, header: Header, first: int, last: int) -> list[str] | None:
    """Returns the fields of a row of several lines; None if it is none."""
    if lines.ends[last] - lines.starts[first] > _LONGEST:
        return None
    fields = split_strictly(_text(lines, first, last), header.delimiter)
    if fields is None or len(fields) != header.width or any("\n" in fields[position] for position in header.one_line):
        return None
    if any(_like_a_row(_text(lines, line, line), header) for line in range(first + 1, last)):
        return None
    return fields


def _like_a_row(line: str, header: Header) -> bool:
    fields = split_strictly(line, header.delimiter)
    if fields is None or len(fields) != header.width:
        return False
    numbers = [fields[at] for name, at in zip(header.columns, header.positions) if name in (RATING, TIMESTAMP)]
    return all(number.strip()[:1].isdigit() for number in numbers)


def _text(lines: BlockLines, first: int, last: int) -> str:
    """Returns the text of a row from its first line to its last one; bytes that are not UTF-8 are replaced."""
    return lines.data[lines.starts[first] : lines.ends[last]].decode("utf-8", "replace")


def _quoted(lines: BlockLines, separator: str) -> tuple[Lines, Lines]:
    """Finds lines with an odd number of quotes, and lines with quotes other than around whole fields."""
    _, buffer, starts, stops, ends = lines
    quotes = np.flatnonzero(buffer == _QUOTE)
    line_of = np.searchsorted(stops, quotes)
    found, first, counts = np.unique(line_of, return_index=True, return_counts=True)
    opens = (np.arange(len(quotes)) - np.repeat(first, counts)) % 2 == 0
    at_start = (quotes == starts[line_of]) | (buffer[quotes - 1] == ord(separator))
    at_end = quotes + 1 == ends[line_of]
    inside = np.flatnonzero(~at_end)
    at_end[inside] = buffer[quotes[inside] + 1] == ord(separator)
    awkward = np.unique(line_of[~np.where(opens, at_start, at_end)])
    odd = found[counts % 2 == 1]
    return odd, np.setdiff1d(awkward, odd)
