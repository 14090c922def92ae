"""Reads lists of item ids, which are given in files or, separated by commas, on the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.files import decompressed, is_parquet, named_parquet, open_local, readable
from rrn_tf.data.reading.rejected import lines_of_rejected
from rrn_tf.data.reading.row_file import read_row_file
from rrn_tf.features import ITEM_ID

_SEPARATORS = (",", ";", "\t")


def listed_ids(values: Iterable[str]) -> tuple[list[str], list[str]]:
    """Returns the distinct ids of some values, in order, and lines about rows of files that could not be used.

    Args:
      values: each a file (see `ids_of_file`) or, if there is no such file, ids separated by commas.

    Raises:
      BadInputError: in one line, for a file that is not readable, and for what can only be a file but does not exist.

    Example:
      >>> listed_ids(["7,9", "7"])
      (['7', '9'], [])
    """
    ids: list[str] = []
    messages: list[str] = []
    for value in values:
        if os.path.exists(value):
            found, told = ids_of_file(value)
            ids += found
            messages += told
        elif os.sep in value or named_parquet(value) or value.lower().endswith((".csv", ".txt")):
            raise BadInputError(f"{value}: expected a file of item ids, or ids separated by commas; found no such file")
        else:
            ids += [name for name in map(str.strip, value.split(",")) if name]
    return list(dict.fromkeys(ids)), messages


def ids_of_file(file: str) -> tuple[list[str], list[str]]:
    """Returns the item ids of a file in order, and lines about rows that cannot be used.

    Args:
      file: CSV or Parquet with a column item_id, or a text with one id per line and nothing else.

    Raises:
      BadInputError: in one line, for any other file.
    """
    if (lines := _plain_lines(file)) is not None:
        return lines, []
    rows = read_row_file(Path(file), (ITEM_ID,)).rows
    return list(rows.ids(ITEM_ID).astype(np.str_)), lines_of_rejected(file, rows.rejected, rows.total)


def _plain_lines(file: str) -> list[str] | None:
    """Returns the lines of a text of one id each; None for Parquet and a file with a column item_id."""
    with readable(file), open_local(file) as raw:
        if is_parquet(file, raw):
            return None
        with decompressed(file, raw) as stream:
            text = stream.read()
    try:
        lines = [line.strip() for line in text.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise BadInputError(f"{file}: expected item ids in UTF-8, found other bytes") from None
    lines = [line for line in lines if line]
    header = lines[0].replace('"', "") if lines else ""
    if ITEM_ID in [name.strip() for separator in _SEPARATORS for name in header.split(separator)]:
        return None
    if wide := [line for line in lines if any(separator in line for separator in _SEPARATORS)]:
        raise BadInputError(f"{file}: expected a column {ITEM_ID}, or one id per line, found {wide[0][:80]!r}")
    return lines
