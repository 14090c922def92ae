"""Reads CSV in blocks of whole physical lines, each line one row, and finds malformed lines.

Rows cannot span lines by a quoted line break: in a file that was cut or joined at a quote, good rows would be lost.
So a row is a line, and a line with an open quote is rejected on its own.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as arrow_csv

from rrn_tf.data.formats import TextFormat
from rrn_tf.data.reading.csv_header import Header, format_header, parse_header

_NEWLINE, _RETURN, _QUOTE, _COMMA, _NUL = 10, 13, 34, 44, 0
_QUOTES, _FIELDS = "unbalanced_quotes", "field_count"
_UTF8, _RETURNS, _NULS = "invalid_utf8", "stray_carriage_return", "nul_byte"
MALFORMED = (_QUOTES, _FIELDS, _UTF8, _RETURNS, _NULS)  # reasons for which a line is not a row

Lines = npt.NDArray[np.int64]


class CsvBlock(NamedTuple):
    """Whole lines of a CSV file.

    Attributes:
      file: path of the file.
      header: the header of the file.
      first_line: number of the block's first line in the file, from 1.
      offset, length: position in bytes, if the file can be read at any offset.
      data: the bytes themselves, if it cannot (compressed files).
      text_format: the format of a file without a header.
    """

    file: str
    header: Header
    first_line: int
    offset: int
    length: int
    data: bytes | None
    text_format: TextFormat | None = None


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


def plan_csv(
    file: str,
    stream: IO[bytes],
    columns: Sequence[str],
    block_bytes: int,
    carry: bool,
    text_format: TextFormat | None = None,
    optional: Sequence[str] = (),
) -> Iterator[CsvBlock]:
    """Cuts a CSV file at line ends into blocks of about `block_bytes`, reading it once; there is at least one.

    Args:
      file: path of the file, for the blocks and for messages.
      stream: the file's (decompressed) bytes.
      columns: the required columns; the header may have more, in any order.
      block_bytes: size of a block.
      carry: whether blocks contain their bytes.
      text_format: the format of a file without a header.
      optional: columns that are read if the header has them.

    Raises:
      BadInputError: if the header lacks a column.
    """
    header = None if text_format is None else format_header(text_format, columns)
    line, offset, rest, begun = 1, 0, b"", False
    while True:
        chunk = stream.read(block_bytes)
        data = rest + chunk
        end = data.rfind(b"\n") + 1 if chunk else len(data)
        block, rest = data[:end], data[end:]
        begin = 0
        if header is None and (block or not chunk):
            begin = block.find(b"\n") + 1 or len(block)
            header = parse_header(file, block[:begin], columns, optional)
            line += 1
        if header is not None and (len(block) > begin or not (chunk or begun)):
            body, begun = block[begin:], True
            yield CsvBlock(file, header, line, offset + begin, len(body), body if carry else None, text_format)
            line += body.count(b"\n")
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


def fields_of(line: bytes, width: int) -> list[str]:
    """Splits any line of a CSV file, even a malformed one, into fields, in Latin-1 so that every byte is kept.

    Args:
      line: the line, without its line end.
      width: number of fields to return: missing ones are empty, surplus ones remain in the last field.
    """
    text = line.decode("latin-1")
    fields = split_strictly(text) or text.split(",")
    first, rest = fields[: width - 1], fields[width - 1 :]
    return [*first, ",".join(rest), *[""] * (width - 1 - len(first))]


def read_block(data: bytes, header: Header) -> BlockRows:
    """Reads the lines of a block.

    Args:
      data: whole lines; the last may lack its line end.
      header: the header of the file.
    """
    buffer = np.frombuffer(data, np.uint8)
    breaks = np.flatnonzero(buffer == _NEWLINE)
    stops = breaks if data.endswith(b"\n") or not data else np.append(breaks, len(data))
    starts = np.concatenate([[0], stops[:-1] + 1]) if len(stops) else stops
    # The carriage return of a CRLF is not part of the line.
    ends = stops - ((stops > starts) & (buffer[stops - 1] == _RETURN))

    def text_of(lines: Lines) -> pa.Array:
        spans = zip(starts[lines].tolist(), ends[lines].tolist())
        return pa.array([data[start:end].decode("utf-8", "replace") for start, end in spans], pa.string())

    malformed = _unreadable(data, buffer, starts, stops, ends)
    none = np.empty(0, np.int64)
    odd, awkward = _quoted(data, buffer, starts, stops, ends) if header.quoted else (none, none)
    malformed |= {line: Malformed(line, _QUOTES, "quotes are not balanced in this line") for line in odd.tolist()}
    columns: list[list[str]] = [[] for _ in header.positions]
    by_hand: list[int] = []
    for line in awkward.tolist():
        if line in malformed:
            continue
        fields = split_strictly(data[starts[line] : ends[line]].decode())
        if fields is None:
            malformed[line] = Malformed(line, _QUOTES, "quotes are not balanced in this line")
        elif len(fields) != header.width:
            malformed[line] = _wrong_width(line, header.width, len(fields))
        else:
            by_hand.append(line)
            for column, position in zip(columns, header.positions):
                column.append(fields[position])

    plain = ends > starts
    plain[list(malformed)] = False
    plain[awkward] = False
    lines = np.flatnonzero(plain)
    if len(lines) == len(plain):
        payload = data
    else:
        payload = buffer[np.repeat(plain, np.diff(starts, append=len(data)))].tobytes()
    tables, wrong = _parse_plain(payload, header)
    malformed |= {int(lines[k]): _wrong_width(int(lines[k]), header.width, width) for k, width in wrong}
    lines = np.delete(lines, [k for k, _ in wrong])
    if any(len(column) != len(lines) for column in tables):
        raise RuntimeError(f"expected {len(lines)} rows of {len(lines)} lines, found {len(tables[0])}")
    values = [pa.concat_arrays([table, pa.array(column, pa.string())]) for table, column in zip(tables, columns)]
    lines = np.concatenate([lines, np.array(by_hand, np.int64)])
    if by_hand:
        order = np.argsort(lines)
        lines, values = lines[order], [column.take(pa.array(order)) for column in values]
    return BlockRows(values, lines, [malformed[line] for line in sorted(malformed)], text_of)


def _parse_plain(payload: bytes, header: Header) -> tuple[list[pa.Array], list[tuple[int, int]]]:
    """Parses well-formed rows into columns, and returns (row, fields) of those with too few or too many fields."""
    wrong: list[tuple[int, int]] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        wrong.append((row.number - 1, row.actual_columns))
        return "skip"

    if not payload:
        return [pa.array([], pa.string()) for _ in header.positions], []
    names = [str(position) for position in range(header.width)]
    wanted = [names[position] for position in header.positions]
    table = arrow_csv.read_csv(
        io.BytesIO(payload),
        # Row numbers of invalid rows are exact only without threads and in a single block.
        arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(payload) + 1),
        arrow_csv.ParseOptions(
            delimiter=header.delimiter, quote_char='"' if header.quoted else False, invalid_row_handler=skip
        ),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), include_columns=wanted, check_utf8=False
        ),
    )
    return [pa.concat_arrays(table[name].chunks or [pa.array([], pa.string())]) for name in wanted], wrong


def _unreadable(
    data: bytes, buffer: npt.NDArray[np.uint8], starts: Lines, stops: Lines, ends: Lines
) -> dict[int, Malformed]:
    """Finds lines with a NUL byte, a carriage return inside, or bytes that are not UTF-8."""
    found: dict[int, Malformed] = {}
    if not _is_utf8(data):
        for line in np.unique(np.searchsorted(stops, np.flatnonzero(buffer >= 0x80))).tolist():
            if not _is_utf8(data[starts[line] : stops[line]]):
                found[line] = Malformed(line, _UTF8, "bytes in this line are not valid UTF-8")
    if b"\r" in data:
        returns = np.flatnonzero(buffer == _RETURN)
        line_of = np.searchsorted(stops, returns)
        for line in np.unique(line_of[returns < ends[line_of]]).tolist():
            found[line] = Malformed(line, _RETURNS, "a carriage return stands inside this line")
    if b"\0" in data:
        for line in np.unique(np.searchsorted(stops, np.flatnonzero(buffer == _NUL))).tolist():
            found[line] = Malformed(line, _NULS, "a NUL byte stands in this line")
    return found


def _quoted(
    data: bytes, buffer: npt.NDArray[np.uint8], starts: Lines, stops: Lines, ends: Lines
) -> tuple[Lines, Lines]:
    """Finds lines with an odd number of quotes, and lines with quotes other than around whole fields."""
    none = np.empty(0, np.int64)
    if b'"' not in data:
        return none, none
    quotes = np.flatnonzero(buffer == _QUOTE)
    line_of = np.searchsorted(stops, quotes)
    lines, first, counts = np.unique(line_of, return_index=True, return_counts=True)
    opens = (np.arange(len(quotes)) - np.repeat(first, counts)) % 2 == 0
    at_start = (quotes == starts[line_of]) | (buffer[quotes - 1] == _COMMA)
    at_end = quotes + 1 == ends[line_of]
    inside = np.flatnonzero(~at_end)
    at_end[inside] = buffer[quotes[inside] + 1] == _COMMA
    awkward = np.unique(line_of[~np.where(opens, at_start, at_end)])
    odd = lines[counts % 2 == 1]
    return odd, np.setdiff1d(awkward, odd)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def split_strictly(line: str) -> list[str] | None:
    """Splits a line with balanced quotes into fields; returns None for other lines."""
    try:
        (fields,) = csv.reader([line], strict=True)
    except (csv.Error, ValueError):
        return None
    return fields


def _wrong_width(line: int, expected: int, found: int) -> Malformed:
    return Malformed(line, _FIELDS, f"expected {expected} fields, found {found}")
