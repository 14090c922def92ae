"""Reads lists of item ids, which are given in files or, separated by commas, on the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from rrn_tf.data.layouts import LAYOUTS, split_layout
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.blocks import told_about
from rrn_tf.data.reading.column_names import find_names
from rrn_tf.data.reading.files import decompressed, find_sources, is_parquet, named_parquet, open_local, readable
from rrn_tf.data.reading.first_look import format_beside
from rrn_tf.data.reading.rejected import lines_of_rejected
from rrn_tf.data.reading.row_file import read_row_file
from rrn_tf.data_format import DataFormat
from rrn_tf.features import ITEM_ID

_SEPARATORS = (",", ";", "\t", "::")


def listed_ids(
    values: Iterable[str], data_format: DataFormat | None = None, *, beside: bool = False
) -> tuple[list[str], list[str]]:
    """Returns the distinct ids of some values, in order, and lines about how files are read and rows not used.

    Args:
      values: each a file (see `ids_of_file`) or, if there is no such file, ids separated by commas.
      data_format: what the user says about the format of files; of those with one id per line it is not used.
      beside: whether that is said about another file, so that it holds only for those not recognised by themselves.

    Raises:
      BadInputError: in one line, for a file that is not readable, and for what can only be a file but does not exist.

    Example:
      >>> listed_ids(["7,9", "7"])
      (['7', '9'], [])
    """
    ids: list[str] = []
    messages: list[str] = []
    for value in values:
        file = split_layout(value)[1]
        if os.path.exists(file):
            found, told = ids_of_file(value, data_format, beside=beside)
            ids += found
            messages += told
        elif os.sep in file or named_parquet(file) or file.lower().endswith((".csv", ".txt")):
            raise BadInputError(f"{file}: expected a file of item ids, or ids separated by commas; found no such file")
        else:
            ids += [name for name in map(str.strip, value.split(",")) if name]
    return list(dict.fromkeys(ids)), messages


def ids_of_file(
    pattern: str, data_format: DataFormat | None = None, *, beside: bool = False
) -> tuple[list[str], list[str]]:
    """Returns the item ids of a file in order, and lines about how it is read and about rows that cannot be used.

    Args:
      pattern: the file, optionally after the name of a layout and a colon: a text with one id per line and nothing
        else, or a file with a column of items.
      data_format, beside: as in `listed_ids`.

    Raises:
      BadInputError: in one line, for any other file.
    """
    said = data_format or DataFormat()
    ((own, file),) = find_sources([pattern], (ITEM_ID,), lambda one: [one], said)
    if (lines := _plain_lines(file, own)) is not None:
        return lines, []
    if beside:
        own = format_beside(pattern, (ITEM_ID,), own)
    told = told_about(file, (ITEM_ID,), own)
    rows = read_row_file(Path(file), (ITEM_ID,), data_format=own).rows
    ids = list(rows.ids(ITEM_ID).astype(np.str_))
    return ids, [*([f"{file}: {told}"] if told else []), *lines_of_rejected(file, rows.rejected, rows.total)]


def _plain_lines(file: str, data_format: DataFormat) -> list[str] | None:
    """Returns the lines of a text of one id each; None for Parquet, JSON and a file with columns."""
    with readable(file), open_local(file) as raw:
        if data_format.positions or is_parquet(file, raw):
            return None
        with decompressed(file, raw) as stream:
            text = stream.read()
    try:
        lines = [line.strip() for line in text.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise BadInputError(f"{file}: expected item ids in UTF-8, found other bytes") from None
    lines = [line for line in lines if line]
    separators = {*_SEPARATORS, data_format.separator}
    if data_format.name:
        separators.add(LAYOUTS[data_format.name].separator)
    if lines and lines[0].startswith("{"):
        return None
    if any(separator in line for separator in separators - {""} for line in lines):
        return None
    by_position = data_format.header is False or (data_format.name and LAYOUTS[data_format.name].by_position)
    named = lines and not by_position and find_names([lines[0].strip('"')], (ITEM_ID,), (), data_format)
    return None if named else lines
