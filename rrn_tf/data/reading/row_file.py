"""A file of queries in memory, to be written again with further columns and all rows, valid or rejected, in order."""

from __future__ import annotations

import csv
import io
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
from rrn_tf.data.reading.blocks import plan_blocks
from rrn_tf.data.reading.csv_blocks import MALFORMED, CsvBlock, fields_of, raw_lines, split_strictly
from rrn_tf.data.reading.files import is_parquet, open_output, readable
from rrn_tf.data.reading.in_memory import ReadRows, read_blocks
from rrn_tf.data.reading.rejected import REASON

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RowFile:
    """A file of N rows.

    Attributes:
      names: all of its columns, in order.
      header: the header line.
      lines: binary[N], each row as a line of CSV, unchanged from the file if possible.
      rows: the valid and the rejected rows.
      good, rejected: int64, positions of valid and rejected rows among the N rows.
    """

    names: list[str]
    header: bytes
    lines: pa.ChunkedArray
    rows: ReadRows
    good: Places
    rejected: Places

    def rejected_fields(self, name: str) -> list[str]:
        """Returns the values of the rejected rows in a column."""
        lines = self.lines.take(pa.array(self.rejected)).to_pylist()
        place = self.names.index(name)
        return [_utf8(fields_of(line, len(self.names))[place]) for line in lines]

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
    path: Path, columns: Sequence[str], *, optional: Sequence[str] = (), added: Sequence[str] = ()
) -> RowFile:
    """Reads a CSV or Parquet file.

    Args:
      path: path of one file, plain or compressed.
      columns: the columns to read, of user_id, item_id, rating and timestamp.
      optional: columns that are read if the file has them; missing values are null.
      added: names of the columns to be added.

    Raises:
      BadInputError: in one line, for a file that is missing, not readable, lacks a column or has one of `added`.
    """
    file = str(path)
    if not path.exists():
        raise BadInputError(f"{file}: expected a CSV or Parquet file, found no such file")
    blocks = list(plan_blocks(file, columns, optional=optional, carry=True))
    if is_parquet(file):
        with readable(file):
            table = pq.read_table(file)
        names, header = table.column_names, _csv_line(table.column_names).encode()
    else:
        (first, *_) = blocks
        assert isinstance(first, CsvBlock)
        names, header = first.header.names, first.header.line
    if clash := [name for name in added if name in names]:
        raise BadInputError(f"{file}: expected no column {clash[0]}, which is added to the output: rename it")
    rows = read_blocks(blocks, optional)
    good, rejected = rows.numbers(record_batches.LINE), rows.rejected["line"].to_numpy()
    line = np.sort(np.concatenate([good, rejected]))
    if is_parquet(file):
        parts = list(_parquet_lines(file, table))
    else:
        malformed = rejected[pc.is_in(rows.rejected[REASON], pa.array(MALFORMED)).to_numpy()]
        parts = [_csv_lines(block, line, malformed) for block in blocks if isinstance(block, CsvBlock)]
    lines = pa.chunked_array(parts, pa.binary())
    return RowFile(names, header, lines, rows, np.searchsorted(line, good), np.searchsorted(line, rejected))


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
    own = np.flatnonzero(np.isin(line, malformed))
    lines = every.take(pa.array(line - block.first_line))
    if not len(own):
        return lines
    rows = [_as_row(text, block.header.width) for text in lines.take(pa.array(own)).to_pylist()]
    order = np.arange(len(line))
    order[own] = len(line) + np.arange(len(own))
    return pa.concat_arrays([lines, pa.array(rows, pa.binary())]).take(pa.array(order))


def _as_row(line: bytes, width: int) -> bytes:
    """Returns a malformed line as one CSV row of `width` fields, with every byte kept."""
    if len(split_strictly(line.decode("latin-1")) or ()) == width and b"\r" not in line:
        return line
    return _csv_line(fields_of(line, width)).encode("latin-1")


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
    text = io.StringIO()
    csv.writer(text).writerow(fields)  # with the default line end, so that fields that contain line ends are quoted
    return text.getvalue().removesuffix("\r\n")


def _utf8(text: str) -> str:
    return text.encode("latin-1").decode("utf-8", "replace")
