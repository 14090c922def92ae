"""Where a CSV file keeps its columns, by its header line or by its format."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import NamedTuple

from rrn_tf.data.formats import TextFormat
from rrn_tf.data.prepared import BadInputError

_BOM = b"\xef\xbb\xbf"


class Header(NamedTuple):
    """Where a file keeps its columns.

    Attributes:
      width: number of fields.
      columns: names of the columns to read.
      positions: of each of them, and perhaps of one more that helps to read them.
      delimiter: between fields, one character.
      quoted: a field may stand between quotes; else a quote is a character as any other.
      line: the header as it stands in the file, without byte order mark and line end.
    """

    width: int
    columns: tuple[str, ...]
    positions: tuple[int, ...]
    delimiter: str = ","
    quoted: bool = True
    line: bytes = b""

    @property
    def names(self) -> list[str]:
        """All columns of the file, in order."""
        return _names(self.line)


def parse_header(file: str, line: bytes, columns: Sequence[str], optional: Sequence[str] = ()) -> Header:
    """Finds the wanted columns in a header line, and those that it may have.

    Raises:
      BadInputError: naming the columns expected and the line found.
    """
    kept = line.removeprefix(_BOM).rstrip(b"\r\n")
    names = _names(kept)
    present = (*columns, *(name for name in optional if name in names))
    if any(names.count(column) != 1 for column in present):
        found = repr(kept.decode("utf-8", "replace")[:200]) if kept else "an empty line" if line else "an empty file"
        raise BadInputError(f"{file}:1: expected columns {','.join(columns)}, found {found}")
    return Header(len(names), present, tuple(names.index(column) for column in present), line=kept)


def _names(line: bytes) -> list[str]:
    text = line.decode("utf-8", "replace")
    try:
        return [name.strip() for name in next(csv.reader([text]), [])]
    except csv.Error:
        return [text]


def format_header(text_format: TextFormat, columns: Sequence[str]) -> Header:
    """What a header would say of a file without; the field that stands for an empty item_id comes last."""
    positions = [text_format.fields.index(column) for column in columns]
    further = [] if text_format.item_name is None else [text_format.item_name]
    return Header(len(text_format.fields), tuple(columns), (*positions, *further), text_format.delimiter, quoted=False)
