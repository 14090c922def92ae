"""Where the columns to read stand in a file of text."""

from __future__ import annotations

import csv
from typing import NamedTuple

from rrn_tf.data.layouts import Layout
from rrn_tf.features import COLUMNS

PLAIN = Layout("csv", "CSV", {name: name for name in COLUMNS})


class Header(NamedTuple):
    """How the lines of a file are read.

    Attributes:
      width: number of fields.
      columns: names of the columns to read.
      positions: position of each of them, from 0, and possibly of one more column that is needed to read them.
      layout: the file's format.
      quoted: whether fields may be quoted; if not, a quote is an ordinary character.
      line: the header's text in the file, without byte order mark and line end; empty without a header.
      one_line: positions of the library's columns, read or not, in which a quoted line break is refused.
      kinds: for JSON, the key of each column to read and the type of its values.
      start, lines: number of bytes and of lines of the text before the first row.
      told: one line about how the file is read; empty for the library's own columns between commas.
    """

    width: int
    columns: tuple[str, ...]
    positions: tuple[int, ...]
    layout: Layout = PLAIN
    quoted: bool = True
    line: bytes = b""
    one_line: tuple[int, ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()
    start: int = 0
    lines: int = 0
    told: str = ""

    @property
    def delimiter(self) -> str:
        """What stands between two fields."""
        return self.layout.separator

    @property
    def plain(self) -> bool:
        """Whether the file is CSV with a header and commas, whose lines can be given back as they are."""
        return self.quoted and self.delimiter == "," and bool(self.line) and not self.kinds

    @property
    def names(self) -> list[str]:
        """The names of all columns, in order; without a header those of the library, or ``column_3``."""
        if self.kinds:
            return [key for key, _ in self.kinds]
        if self.line:
            return split_names(self.line.decode("utf-8", "replace"), self.delimiter)
        known = {position: name for name, position in zip(self.columns, self.positions)}
        return [known.get(position, f"column_{position + 1}") for position in range(self.width + self.layout.blocks)]


def split_names(line: str, separator: str) -> list[str]:
    """Splits a line into fields without the white space around them."""
    if separator == " ":
        return line.split()
    if len(separator.encode()) > 1:
        return [name.strip() for name in line.split(separator)]
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:
        return [line]
