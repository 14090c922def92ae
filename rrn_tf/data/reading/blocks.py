"""Splits files into blocks that are read independently, into valid rows and rejected ones with their reasons."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rrn_tf import features
from rrn_tf.data.layouts import Layout
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading import column_checks, record_batches
from rrn_tf.data.reading.column_names import Named, find_names, missing_names, told_names
from rrn_tf.data.reading.csv_blocks import BlockRows, CsvBlock, Malformed, plan_csv, read_block
from rrn_tf.data.reading.files import CHECKED_PAGES, Opener, is_parquet, open_local, readable
from rrn_tf.data.reading.header import PLAIN, Header
from rrn_tf.data.reading.json_blocks import read_json
from rrn_tf.data.reading.recognition import recognise
from rrn_tf.data.reading.rejected import rejected_batch
from rrn_tf.data.reading.text_stream import text_stream
from rrn_tf.data_format import DataFormat

BLOCK_BYTES = 16 << 20
_PART = 1 << 20


class ParquetBlock(NamedTuple):
    """A row group of a Parquet file.

    Attributes:
      file: path of the file.
      columns: the columns to read.
      names: their names in the file.
      first_line: number of the group's first row in the file, from 1.
      row_group: index of the group.
      layout: the file's format.
    """

    file: str
    columns: tuple[str, ...]
    names: tuple[str, ...]
    first_line: int
    row_group: int
    layout: Layout = PLAIN


Block = CsvBlock | ParquetBlock


class ReadBlock(NamedTuple):
    """The rows of a block.

    Attributes:
      good: the valid rows, with the columns, file and line.
      rejected: the other rows, one batch per reason, of the schema `rrn_tf.data.reading.rejected.REJECTED`.
      rows: the number of both.
    """

    good: pa.RecordBatch
    rejected: list[pa.RecordBatch]
    rows: int


def plan_blocks(
    file: str,
    columns: Sequence[str],
    data_format: DataFormat | None = None,
    *,
    optional: Sequence[str] = (),
    block_bytes: int = BLOCK_BYTES,
    carry: bool = False,
    open_file: Opener = open_local,
) -> Iterator[Block]:
    """Yields the blocks of a file, which can be read independently.

    Args:
      file: path of text or Parquet, plain or compressed, which is recognised by what stands in it.
      columns: the required columns.
      data_format: what the user says about its format.
      optional: columns that are read if the file has them.
      block_bytes: size of a block of text.
      carry: whether blocks of text contain their bytes; those of a compressed file always do.
      open_file: opens a file, without decompressing it.

    Raises:
      BadInputError: for a file that is not readable or lacks a column.
    """
    data_format = data_format or DataFormat()
    with readable(file), open_file(file) as stream:
        if is_parquet(file, stream):
            yield from _plan_parquet(file, stream, columns, optional, data_format)
            return
        with text_stream(file, stream) as text:
            header = recognise(file, text.head, text.whole, columns, optional, data_format)
            yield from plan_csv(file, text, header, block_bytes, carry or text.altered)


def told_about(
    file: str,
    columns: Sequence[str],
    data_format: DataFormat,
    optional: Sequence[str] = (),
    *,
    unpacked: int = 0,
) -> str:
    """Looks at the beginning of a local file and returns a line about how it is read; none for the library's own way.

    Args:
      file, columns, data_format, optional: as in `plan_blocks`.
      unpacked: number of bytes that are read of a compressed file, so that a small one that is cut is found out.

    Raises:
      BadInputError: as `plan_blocks`.
    """
    with readable(file), open_local(file) as stream:
        if is_parquet(file, stream):
            return told_names(_parquet_names(file, pq.ParquetFile(stream), columns, optional, data_format))
        with text_stream(file, stream) as text:
            told = recognise(file, text.head, text.whole, columns, optional, data_format).told
            if text.altered and unpacked:
                collections.deque(itertools.islice(text.chunks(_PART), unpacked // _PART), maxlen=0)
            return told


def _plan_parquet(
    file: str, stream: object, columns: Sequence[str], optional: Sequence[str], data_format: DataFormat
) -> Iterator[ParquetBlock]:
    parquet = pq.ParquetFile(stream)
    found = _parquet_names(file, parquet, columns, optional, data_format)
    present, names, metadata = tuple(found.names), tuple(found.names.values()), parquet.metadata
    sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    for group, first in enumerate(itertools.accumulate(sizes[:-1], initial=1) if sizes else ()):
        yield ParquetBlock(file, present, names, first, group, found.layout)


def _parquet_names(
    file: str, parquet: pq.ParquetFile, columns: Sequence[str], optional: Sequence[str], data_format: DataFormat
) -> Named:
    names = parquet.schema_arrow.names
    found = find_names(names, columns, optional, data_format)
    if found is None:
        raise missing_names(file, names, ",".join(names)[:200], columns, data_format)
    return found


def read_block_rows(block: Block, optional: Sequence[str] = (), open_file: Opener = open_local) -> ReadBlock:
    """Reads and checks the rows of a block.

    Args:
      block: a block of `plan_blocks`.
      optional: columns in which values may be missing, which are then null.
      open_file: as in `plan_blocks`.

    Raises:
      BadInputError: for a file that is not readable.
    """
    with readable(block.file):
        if isinstance(block, CsvBlock):
            columns, rows, layout = block.header.columns, _read_text(block, open_file), block.header.layout
        else:
            columns, rows, layout = block.columns, _read_parquet(block, open_file), block.layout
    texts = dict(zip(columns, rows.columns))
    if features.ITEM_ID in texts:
        texts[features.ITEM_ID] = _with_substitutes(texts[features.ITEM_ID], layout, rows.columns[-1])
    checks = {
        name: column_checks.check(name, column, time=layout.time, optional=name in optional)
        for name, column in texts.items()
    }
    line = block.first_line + rows.line
    place = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(line), np.int8)), pa.array([block.file]))
    good = pa.RecordBatch.from_arrays(
        [*(check.values for check in checks.values()), place, pa.array(line)],
        names=[*checks, record_batches.FILE, record_batches.LINE],
    )
    every = [problem for check in checks.values() for problem in check.problems]
    bad, problems = column_checks.first_problems(every, len(line))
    rejected = [
        rejected_batch(block.file, line[p.rows], p.reason, p.words(texts), rows.text_of(rows.line[p.rows]))
        for p in problems
    ]
    for reason, group in itertools.groupby(sorted(rows.malformed, key=_reason), key=_reason):
        unreadable = list(group)
        lines = np.array([row.line for row in unreadable])
        words = [row.text for row in unreadable]
        rejected.append(rejected_batch(block.file, block.first_line + lines, reason, words, rows.text_of(lines)))
    good = record_batches.take(good, ~bad) if problems else good
    good = record_batches.newest_first(good) if layout.newest_first else good
    return ReadBlock(good, rejected, len(rows.line) + len(rows.malformed))


def _reason(row: Malformed) -> str:
    return row.reason


def _with_substitutes(item: pa.Array, layout: Layout, last: pa.Array) -> pa.Array:
    """Replaces empty item ids by the format's substitutes, for which `last` is the block's last column."""
    if not layout.item_name and layout.no_item is None:
        return item
    substitute = last if layout.no_item is None else layout.no_item
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(item), ""), substitute, item)


def _read_text(block: CsvBlock, open_file: Opener) -> BlockRows:
    data = block.data
    if data is None:
        with open_file(block.file) as stream:
            stream.seek(block.offset)
            data = stream.read(block.length)
    return rows_of_text(data, block.header, block.item)


def rows_of_text(data: bytes, header: Header, item: str = "") -> BlockRows:
    """Reads the rows of a block of text: fields between separators, or JSON lines."""
    return read_json(data, header) if header.kinds else read_block(data, header, item)


def _read_parquet(block: ParquetBlock, open_file: Opener) -> BlockRows:
    with open_file(block.file) as stream:
        table = pq.ParquetFile(stream, **CHECKED_PAGES).read_row_group(block.row_group, columns=list(block.names))
    values = [_parquet_column(block.file, of, table[name]) for of, name in zip(block.columns, block.names)]

    def text_of(lines: npt.NDArray[np.int64]) -> pa.Array:
        texts = (column.take(pa.array(lines)).cast(pa.string()).fill_null("") for column in values)
        return pc.binary_join_element_wise(*texts, ",")

    return BlockRows(values, np.arange(table.num_rows), [], text_of)


def _parquet_column(file: str, name: str, column: pa.ChunkedArray) -> pa.Array:
    """Converts a column to one array of a type that the column checks accept."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    identity = name in (features.USER_ID, features.ITEM_ID)
    if identity and not (text or pa.types.is_integer(kind)):
        raise BadInputError(f"{file}: expected {name} as text or integers, found {kind}")
    moment = pa.types.is_timestamp(kind) or pa.types.is_date(kind)
    if not (text or number or (name == features.TIMESTAMP and moment)):
        raise BadInputError(f"{file}: expected {name} as numbers or text, found {kind}")
    if text or identity:
        column = column.cast(pa.string())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif pa.types.is_date(kind):
        column = column.cast(pa.timestamp("s"))
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
