"""The positions of columns in a CSV file, by its header line or by its format."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import NamedTuple

from rrn_tf.data.formats import TextFormat
from rrn_tf.data.prepared import BadInputError

_BOM = b"\xef\xbb\xbf"


class Header(NamedTuple):
    """The layout of a CSV file.

    Attributes:
      width: number of fields.
      columns: names of the columns to read.
      positions: position of each of them, and possibly of one more column that is needed to read them.
      delimiter: the character between fields.
      quoted: whether fields may be quoted; if not, a quote is an ordinary character.
      line: the header's text in the file, without byte order mark and line end.
    """

    width: int
    columns: tuple[str, ...]
    positions: tuple[int, ...]
    delimiter: str = ","
    quoted: bool = True
    line: bytes = b""

    @property
    def names(self) -> list[str]:
        """The names of all columns of the file, in order."""
        return _names(self.line)


def parse_header(file: str, line: bytes, columns: Sequence[str], optional: Sequence[str] = ()) -> Header:
    """Finds the required and the optional columns in a header line.

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
    """Returns the layout of a file without a header; the field that replaces an empty item_id comes last."""
    positions = [text_format.fields.index(column) for column in columns]
    further = [] if text_format.item_name is None else [text_format.item_name]
    return Header(len(text_format.fields), tuple(columns), (*positions, *further), text_format.delimiter, quoted=False)
