"""Reads CSV and similar text in blocks of whole rows, and finds malformed lines.

A row is a line, but for quoted line breaks in columns that are not read (`rrn_tf.data.reading.quoted_rows`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from rrn_tf.data.reading.header import Header
from rrn_tf.data.reading.item_blocks import item_lines, items_of, last_item
from rrn_tf.data.reading.lines import BlockLines, Lines, is_utf8, lines_of, not_utf8
from rrn_tf.data.reading.quoted_rows import UNBALANCED, quoted_rows, split_strictly, whole_rows
from rrn_tf.data.reading.text_stream import TextStream

_NEWLINE, _RETURN, _NUL = 10, 13, 0
_UNIT = b"\x1f"  # stands for separators of several characters, which Arrow does not know
_QUOTES, _FIELDS = "unbalanced_quotes", "field_count"
INVALID_UTF8 = "invalid_utf8"
_RETURNS, _NULS = "stray_carriage_return", "nul_byte"
MALFORMED = (_QUOTES, _FIELDS, INVALID_UTF8, _RETURNS, _NULS)  # reasons for which a line is not a row


class CsvBlock(NamedTuple):
    """Whole lines of a CSV file.

    Attributes:
      file: path of the file.
      header: the header of the file.
      first_line: number of the block's first line in the file, from 1.
      offset, length: position in bytes, if the file can be read at any offset.
      data: the bytes themselves, if it cannot (compressed files).
      item: the item of the first rows, in a layout with a line for each item.
    """

    file: str
    header: Header
    first_line: int
    offset: int
    length: int
    data: bytes | None
    item: str = ""


class Malformed(NamedTuple):
    """A malformed line: its index in the block, the key of the reason and a description of the problem."""

    line: int
    reason: str
    text: str


class BlockRows(NamedTuple):
    """The rows of a block.

    Attributes:
      columns: text columns of N values each.
      line: int64[N], index of each row's line in the block, in order.
      malformed: malformed lines, in order.
      text_of: a function that returns the text of given lines.
    """

    columns: list[pa.Array]
    line: Lines
    malformed: list[Malformed]
    text_of: Callable[[Lines], pa.Array]


def plan_csv(file: str, text: TextStream, header: Header, block_bytes: int, carry: bool) -> Iterator[CsvBlock]:
    """Cuts a file of text at line ends into blocks of about `block_bytes`, reading it once; there is at least one.

    Args:
      file: path of the file, for the blocks.
      text: its text.
      header: how it is read.
      block_bytes: size of a block.
      carry: whether blocks contain their bytes; if not, they can be read at their offset.
    """
    line, offset, item = 1 + header.lines, text.start + header.start, ""
    rest, begun, skipped = b"", False, header.start
    chunks = text.chunks(block_bytes)
    while True:
        chunk = next(chunks, b"")
        begin = min(skipped, len(chunk))
        skipped -= begin
        data = rest + chunk[begin:]
        end = whole_rows(data, header) if chunk else len(data)
        block, rest = data[:end], data[end:]
        if block or not (chunk or begun):
            yield CsvBlock(file, header, line, offset, len(block), block if carry else None, item)
            begun = True
            line += block.count(b"\n")
            item = last_item(block, item) if header.layout.blocks else item
        offset += end
        if not chunk:
            return


def raw_lines(data: bytes) -> pa.Array:
    """Returns the unchanged lines of a block, without their line ends: binary[lines].

    Args:
      data: whole lines; the last may lack its line end.
    """
    if not data:
        return pa.array([], pa.binary())
    data = data.replace(b"\r\n", b"\n")
    data = data[:-1] if data.endswith((b"\n", b"\r")) else data
    buffer = np.frombuffer(data, np.uint8)
    breaks = np.flatnonzero(buffer == _NEWLINE)
    offsets = np.concatenate([[0], breaks - np.arange(len(breaks)), [len(data) - len(breaks)]]).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(buffer[buffer != _NEWLINE])]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)


def fields_of(line: bytes, header: Header) -> list[str]:
    """Splits any line of a file, even a malformed one, into fields, in Latin-1 so that every byte is kept.

    Args:
      line: the line, without its line end.
      header: how the file is read. Of the number of fields that it has, missing ones are empty, and surplus ones remain
        in the last field.
    """
    text, between, width = line.decode("latin-1"), header.delimiter, header.width
    fields = (split_strictly(text, between) if header.quoted else None) or text.split(between)
    first, rest = fields[: width - 1], fields[width - 1 :]
    return [*first, between.join(rest), *[""] * (width - 1 - len(first))]


def read_block(data: bytes, header: Header, item: str = "") -> BlockRows:
    """Reads the lines of a block.

    Args:
      data: whole lines; the last may lack its line end.
      header: how the file is read.
      item: see `CsvBlock`.
    """
    lines = lines_of(data)
    starts, ends = lines.starts, lines.ends

    def text_of(wanted: Lines) -> pa.Array:
        spans = zip(starts[wanted].tolist(), ends[wanted].tolist())
        return pa.array([data[start:end].decode("utf-8", "replace") for start, end in spans], pa.string())

    legible = header.layout.encoding != "utf-8"
    malformed = _unreadable(lines, legible)
    by_hand, unbalanced, within = quoted_rows(lines, header, malformed)
    malformed |= {line: Malformed(line, _QUOTES, UNBALANCED) for line in unbalanced}
    for line in [line for line, fields in by_hand.items() if len(fields) != header.width]:
        malformed[line] = _wrong_width(line, header.width, len(by_hand.pop(line)))

    plain = ends > starts
    for others in (malformed, by_hand, within):
        plain[list(others)] = False
    items = item_lines(lines) if header.layout.blocks else np.zeros(len(plain), bool)
    plain &= ~items
    rows = np.flatnonzero(plain)
    if len(rows) == len(plain):
        payload = data
    else:
        payload = lines.buffer[np.repeat(plain, np.diff(starts, append=len(data)))].tobytes()
    if legible and not is_utf8(payload):
        payload = payload.decode(header.layout.encoding).encode()
    tables, wrong = _parse_plain(payload, header)
    malformed |= {int(rows[k]): _wrong_width(int(rows[k]), header.width, width) for k, width in wrong}
    rows = np.delete(rows, [k for k, _ in wrong])
    if any(len(column) != len(rows) for column in tables):
        raise RuntimeError(f"expected {len(rows)} rows of {len(rows)} lines, found {len(tables[0])}")
    if by_hand:
        columns = [[fields[position] for fields in by_hand.values()] for position in _stored(header)]
        tables = [pa.concat_arrays([table, pa.array(more, pa.string())]) for table, more in zip(tables, columns)]
        rows = np.concatenate([rows, np.array(list(by_hand), np.int64)])
        order = np.argsort(rows)
        rows, tables = rows[order], [column.take(pa.array(order)) for column in tables]
    if header.layout.blocks:
        tables.insert(header.positions.index(header.width), items_of(lines, items, rows, item))
    return BlockRows(tables, rows, [malformed[line] for line in sorted(malformed)], text_of)


def _parse_plain(payload: bytes, header: Header) -> tuple[list[pa.Array], list[tuple[int, int]]]:
    """Parses well-formed rows into columns, and returns (row, fields) of those with too few or too many fields."""
    wrong: list[tuple[int, int]] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        wrong.append((row.number - 1, row.actual_columns))
        return "skip"

    if not payload:
        return [pa.array([], pa.string()) for _ in _stored(header)], []
    names = [str(position) for position in range(header.width)]
    wanted = [names[position] for position in _stored(header)]
    delimiter = header.delimiter
    if delimiter == " ":
        payload = re.sub(rb"[ \t]+", b" ", re.sub(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)", b"", payload))
    elif len(delimiter.encode()) > 1:
        payload, delimiter = payload.replace(delimiter.encode(), _UNIT), _UNIT.decode()
    table = arrow_csv.read_csv(
        io.BytesIO(payload),
        # Row numbers of invalid rows are exact only without threads and in a single block.
        arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(payload) + 1),
        arrow_csv.ParseOptions(
            delimiter=delimiter, quote_char='"' if header.quoted else False, invalid_row_handler=skip
        ),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), include_columns=wanted, check_utf8=False
        ),
    )
    return [pa.concat_arrays(table[name].chunks or [pa.array([], pa.string())]) for name in wanted], wrong


def _stored(header: Header) -> list[int]:
    """Returns the positions to read within a line; an item that stands above its rows is none of them."""
    return [position for position in header.positions if position < header.width]


def _unreadable(lines: BlockLines, legible: bool) -> dict[int, Malformed]:
    """Finds lines with a NUL byte, a carriage return inside, or bytes that are not UTF-8, unless any are `legible`."""
    data, buffer, _, stops, ends = lines
    found: dict[int, Malformed] = {}
    if not legible:
        found |= {line: invalid_utf8(line) for line in not_utf8(lines)}
    if b"\r" in data:
        returns = np.flatnonzero(buffer == _RETURN)
        line_of = np.searchsorted(stops, returns)
        for line in np.unique(line_of[returns < ends[line_of]]).tolist():
            found[line] = Malformed(line, _RETURNS, "a carriage return stands inside this line")
    if b"\0" in data:
        for line in np.unique(np.searchsorted(stops, np.flatnonzero(buffer == _NUL))).tolist():
            found[line] = Malformed(line, _NULS, "a NUL byte stands in this line")
    return found


def invalid_utf8(line: int) -> Malformed:
    """Returns what a line is called whose bytes are not UTF-8."""
    return Malformed(line, INVALID_UTF8, "bytes in this line are not valid UTF-8")


def _wrong_width(line: int, expected: int, found: int) -> Malformed:
    return Malformed(line, _FIELDS, f"expected {expected} fields, found {found}")
