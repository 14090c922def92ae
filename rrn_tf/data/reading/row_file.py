"""A file of queries in memory, to be written again with further columns and all rows, valid or rejected, in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading import record_batches
from rrn_tf.data.reading.blocks import ParquetBlock, plan_blocks, rows_of_text
from rrn_tf.data.reading.csv_blocks import MALFORMED, CsvBlock, fields_of, raw_lines
from rrn_tf.data.reading.files import CHECKED_PAGES, find_sources, open_output, readable
from rrn_tf.data.reading.header import Header
from rrn_tf.data.reading.in_memory import ReadRows, read_blocks
from rrn_tf.data.reading.json_blocks import NOT_JSON
from rrn_tf.data.reading.quoted_rows import split_strictly
from rrn_tf.data.reading.rejected import REASON
from rrn_tf.data_format import DataFormat

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RowFile:
    """A file of N rows.

    Attributes:
      names: all of its columns, in order.
      columns: positions of the library's columns among them, by their names.
      header: the header line.
      lines: binary[N], each row as a line of CSV, unchanged from the file if possible.
      rows: the valid and the rejected rows.
      good, rejected: int64, positions of valid and rejected rows among the N rows.
    """

    names: list[str]
    columns: Mapping[str, int]
    header: bytes
    lines: pa.ChunkedArray
    rows: ReadRows
    good: Places
    rejected: Places

    def rejected_fields(self, name: str) -> list[str]:
        """Returns the values of the rejected rows in a column of the library's."""
        lines = self.lines.take(pa.array(self.rejected)).to_pylist()
        header = Header(len(self.names), (), ())
        return [_utf8(fields_of(line, header)[self.columns[name]]) for line in lines]

    def write(self, output: Path, columns: Mapping[str, pa.Array]) -> None:
        """Writes all rows as CSV, compressed as the suffix requires, with further columns at their end.

        Args:
          output: the file.
          columns: further columns, string[N], by name.
        """
        every = [column.cast(pa.binary()) for column in columns.values()]
        with open_output(output) as file:
            file.write(b",".join([self.header, *(name.encode() for name in columns)]) + b"\n")
            begin = 0
            for lines in self.lines.chunks:
                *others, last = [column.slice(begin, len(lines)) for column in every]
                begin += len(lines)
                ended = pc.binary_join_element_wise(last, b"\n", b"")
                whole = pc.binary_join_element_wise(lines, *others, ended, b",")
                _, offsets, data = whole.buffers()
                file.write(data[: np.frombuffer(offsets, np.int32)[len(lines)]] if len(lines) else b"")


def read_row_file(
    path: Path,
    columns: Sequence[str],
    *,
    optional: Sequence[str] = (),
    added: Sequence[str] = (),
    data_format: DataFormat | None = None,
) -> RowFile:
    """Reads a file of rows.

    Args:
      path: path of one file, plain or compressed; optionally after the name of a layout and a colon.
      columns: the columns to read, of user_id, item_id, rating and timestamp.
      optional: columns that are read if the file has them; missing values are null.
      added: names of the columns to be added.
      data_format: what the user says about the file's format.

    Raises:
      BadInputError: in one line, for a file that is missing, not readable, lacks a column or has one of `added`.
    """
    ((data_format, file),) = find_sources([str(path)], columns, lambda one: [one], data_format)
    if not Path(file).exists():
        raise BadInputError(f"{file}: expected a file of rows, found no such file")
    blocks = list(plan_blocks(file, columns, data_format, optional=optional, carry=True))
    first = blocks[0] if blocks else None
    if isinstance(first, CsvBlock):
        names, places = first.header.names, dict(zip(first.header.columns, first.header.positions))
        header = first.header.line if first.header.plain else _csv_line(names).encode()
    else:
        with readable(file):
            table = pq.read_table(file, **CHECKED_PAGES)
        names, header = table.column_names, _csv_line(table.column_names).encode()
        places = {} if first is None else {of: names.index(name) for of, name in zip(first.columns, first.names)}
    if clash := [name for name in added if name in names]:
        raise BadInputError(f"{file}: expected no column {clash[0]}, which is added to the output: rename it")
    rows = read_blocks(blocks, optional)
    good, rejected = rows.numbers(record_batches.LINE), rows.rejected["line"].to_numpy()
    line = np.sort(np.concatenate([good, rejected]))
    malformed = rejected[pc.is_in(rows.rejected[REASON], pa.array([*MALFORMED, NOT_JSON])).to_numpy()]
    parts = []
    for block in blocks:
        if isinstance(block, ParquetBlock):
            parts = list(_parquet_lines(file, table))
            break
        lines_of_block = _csv_lines if block.header.plain else _other_lines
        parts.append(lines_of_block(block, line, malformed))
    lines = pa.chunked_array(parts, pa.binary())
    return RowFile(names, places, header, lines, rows, np.searchsorted(line, good), np.searchsorted(line, rejected))


def _csv_lines(block: CsvBlock, line: Places, malformed: Places) -> pa.Array:
    """Returns the rows of a block unchanged, except for malformed lines, which become CSV rows: binary[rows].

    Args:
      block: the block, with its bytes.
      line: line numbers of all rows of the file, in order.
      malformed: line numbers of the malformed ones.
    """
    every = raw_lines(block.data or b"")
    begin, end = np.searchsorted(line, [block.first_line, block.first_line + len(every)])
    line = line[begin:end]
    lines = every.take(pa.array(line - block.first_line))
    own = np.isin(line, malformed)
    rows = {k: _as_row(lines[k].as_py(), block.header) for k in np.flatnonzero(own).tolist()}
    if b'"' in (block.data or b""):
        # An odd number of quotes in a row that is not malformed: it goes on in the next lines.
        odd = pc.equal(pc.bit_wise_and(pc.count_substring(lines, '"'), 1), 1)
        for k in np.flatnonzero(odd.to_numpy(zero_copy_only=False) & ~own).tolist():
            rows[k] = _whole(every, int(line[k]) - block.first_line)
    return _replaced(lines, rows)


def _whole(lines: pa.Array, first: int) -> bytes:
    """Returns a row of several lines, from its first one to that which closes its quotes."""
    text, at = lines[first].as_py(), first + 1
    while text.count(b'"') % 2 and at < len(lines):
        text, at = text + b"\n" + lines[at].as_py(), at + 1
    return text


def _other_lines(block: CsvBlock, line: Places, malformed: Places) -> pa.Array:
    """Returns the rows of a block that is not CSV as such, with all of their columns: binary[rows].

    Args:
      block, line, malformed: as in `_csv_lines`.
    """
    header, data = block.header, block.data or b""
    if not header.kinds:
        every = tuple(range(header.width + header.layout.blocks))
        header = header._replace(columns=tuple(map(str, every)), positions=every)
    rows = rows_of_text(data, header, block.item)
    texts = [_csv_texts(column) for column in rows.columns]
    lines = pc.binary_join_element_wise(*texts, ",").cast(pa.binary())
    if not rows.malformed:
        return lines
    bad = np.array([row.line for row in rows.malformed])
    raw = [text.encode() for text in rows.text_of(bad).to_pylist()]
    above = [""] * block.header.layout.blocks  # an item that stands above its rows
    own = [_csv_line([*fields_of(text, block.header), *above]).encode("latin-1") for text in raw]
    order = np.argsort(np.concatenate([rows.line, bad]), kind="stable")
    return pa.concat_arrays([lines, pa.array(own, pa.binary())]).take(pa.array(order))


def _replaced(lines: pa.Array, rows: Mapping[int, bytes]) -> pa.Array:
    """Returns lines of which some are replaced."""
    if not rows:
        return lines
    order = np.arange(len(lines))
    order[list(rows)] = len(lines) + np.arange(len(rows))
    return pa.concat_arrays([lines, pa.array(list(rows.values()), pa.binary())]).take(pa.array(order))


def _as_row(line: bytes, header: Header) -> bytes:
    """Returns a malformed line as one CSV row, with every byte kept."""
    if len(split_strictly(line.decode("latin-1")) or ()) == header.width and b"\r" not in line:
        return line
    return _csv_line(fields_of(line, header)).encode("latin-1")


def _parquet_lines(file: str, table: pa.Table) -> Iterator[pa.Array]:
    """Yields the rows of a table as lines of CSV: binary[rows] for each batch."""
    for batch in table.to_batches():
        with readable(file):
            texts = [_csv_texts(column) for column in batch.columns]
        yield pc.binary_join_element_wise(*texts, ",").cast(pa.binary())


def _csv_texts(column: pa.Array) -> pa.Array:
    """Converts values to fields of CSV, and null to an empty field: string[rows]."""
    text = column.cast(pa.string()).fill_null("")
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
    return pc.if_else(pc.match_substring_regex(text, '[",\r\n]'), quoted, text)


def _csv_line(fields: Sequence[str]) -> str:
    # Not by the csv module, which writes no NUL on Python 3.10. A row of one empty field is no blank line.
    return ",".join(_csv_texts(pa.array(fields, pa.string())).to_pylist()) or '""'


def _utf8(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", "replace")
