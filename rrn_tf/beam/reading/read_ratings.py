"""Reads ratings or events from files: valid rows as batches, every other row with its place and reason."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from apache_beam import pvalue
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics

from rrn_tf import features
from rrn_tf.beam.reading import column_checks, record_batches
from rrn_tf.beam.reading.csv_blocks import BlockRows, CsvBlock, Malformed, plan_csv, read_block
from rrn_tf.beam.reading.dead_letters import count_in_metrics, rejected_batch
from rrn_tf.data.formats import TextFormat, split_format
from rrn_tf.data.prepared import BadInputError

RATINGS, REJECTED, ROWS = "ratings", "rejected", "rows"
_BLOCK_BYTES = 16 << 20


class ParquetBlock(NamedTuple):
    """A row group of a Parquet file; `first_line` is the number of its first row, from 1."""

    file: str
    columns: tuple[str, ...]
    first_line: int
    row_group: int


class ReadRatings(beam.PTransform):
    """Reads and validates ratings, or events: rows without a rating.

    A row of a CSV file is one physical line. Blank lines, a byte order mark, CRLF line ends and further columns are
    accepted. Ids are kept byte for byte; numbers may stand between spaces.

    Args:
      pattern: file, glob or several of them; ``.parquet`` files are Parquet, all others CSV with a header line,
        plain or compressed (``.gz``, ``.bz2``, ``.zst``). A format's name before a colon (see
        `rrn_tf.data.formats`) says that files have no header.
      columns: what to read, of user_id, item_id, rating and timestamp.
      block_bytes: CSV read at once.

    Attributes:
      files: what is read, each with its format, in order of their names.

    Output: a dictionary of PCollections: ``ratings`` (`pyarrow.RecordBatch`es of `record_batches.RATINGS`),
    ``rejected`` (batches of `rrn_tf.beam.reading.dead_letters.REJECTED`) and ``rows`` (numbers of rows read).

    Raises:
      BadInputError: no such file; while running, a file that is not readable or lacks a column.
    """

    def __init__(
        self,
        pattern: str | Sequence[str],
        columns: Sequence[str] = features.COLUMNS,
        *,
        block_bytes: int = _BLOCK_BYTES,
    ) -> None:
        super().__init__()
        self._columns = tuple(columns)
        self.files = find_sources([pattern] if isinstance(pattern, str) else pattern, self._columns)
        self._block_bytes = block_bytes

    def expand(self, start: beam.Pipeline) -> dict[str, beam.PCollection]:
        read = (
            start
            | "Files" >> beam.Create(self.files)
            | "SpreadFiles" >> beam.Reshuffle()
            | "Plan" >> beam.FlatMap(_planned, self._columns, self._block_bytes)
            | "SpreadBlocks" >> beam.Reshuffle()
            | "Read" >> beam.ParDo(_ReadBlock(self._columns)).with_outputs(REJECTED, ROWS, main=RATINGS)
        )
        return {name: read[name] for name in (RATINGS, REJECTED, ROWS)}


def find_sources(patterns: Sequence[str], columns: Sequence[str]) -> list[tuple[TextFormat | None, str]]:
    """Files that match, sorted, each with its format.

    Raises:
      BadInputError: for a pattern without a file, or a format without a wanted column.
    """
    found: dict[str, TextFormat | None] = {}
    for pattern in patterns:
        text_format, path = split_format(str(pattern))
        if text_format is not None and not set(columns) <= set(text_format.fields):
            fields = ",".join(field for field in text_format.fields if field)
            raise BadInputError(f"{pattern}: expected columns {','.join(columns)}, found {fields}")
        found |= dict.fromkeys(find_files([path], what_is_read(columns)), text_format)
    return [(found[file], file) for file in sorted(found)]


def what_is_read(columns: Sequence[str]) -> str:
    """Rows with these columns, in one word."""
    return "ratings" if features.RATING in columns else "events"


def find_files(patterns: Sequence[str], what: str = "ratings") -> list[str]:
    """Files that match, sorted.

    Args:
      patterns: files and globs.
      what: the files should hold, for messages.

    Raises:
      BadInputError: for a pattern without a file.
    """
    found: set[str] = set()
    for pattern in patterns:
        (match,) = FileSystems.match([str(pattern)])
        files = {metadata.path for metadata in match.metadata_list}
        if not files and FileSystems.exists(str(pattern)):
            files = {str(pattern)}  # brackets in its name are no glob
        if not files:
            raise BadInputError(f"{pattern}: expected {what}, found no such file")
        found |= files
    return sorted(found)


def _planned(
    source: tuple[TextFormat | None, str], wanted: tuple[str, ...], block_bytes: int
) -> Iterator[CsvBlock | ParquetBlock]:
    text_format, file = source
    return plan_blocks(file, wanted, block_bytes, text_format)


def plan_blocks(
    file: str, wanted: tuple[str, ...], block_bytes: int, text_format: TextFormat | None = None
) -> Iterator[CsvBlock | ParquetBlock]:
    """Parts of a file that can be read on their own.

    Raises:
      BadInputError: a file that is not readable or lacks a column.
    """
    try:
        if file.endswith(".parquet") and text_format is None:
            yield from _plan_parquet(file, wanted)
        else:
            packed = CompressionTypes.detect_compression_type(file) != CompressionTypes.UNCOMPRESSED
            with FileSystems.open(file) as stream:
                yield from plan_csv(file, stream, wanted, block_bytes, packed, text_format)
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise BadInputError(f"{file}: not readable: {str(error).splitlines()[0]}") from error


def _plan_parquet(file: str, wanted: tuple[str, ...]) -> Iterator[ParquetBlock]:
    with FileSystems.open(file, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
        metadata = pq.ParquetFile(stream).metadata
        names = metadata.schema.to_arrow_schema().names
        if not set(wanted) <= set(names):
            raise BadInputError(f"{file}: expected columns {','.join(wanted)}, found {','.join(names)[:200]}")
        first = 1
        for group in range(metadata.num_row_groups):
            yield ParquetBlock(file, wanted, first, group)
            first += metadata.row_group(group).num_rows


class _ReadBlock(beam.DoFn):
    """A block's valid rows as a batch, its other rows as a rejected batch, and how many rows it has."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self._wanted = wanted
        self._good = Metrics.counter("rrn_tf", "good_rows")

    def process(self, block: CsvBlock | ParquetBlock) -> Iterator[Any]:
        rows = _read_csv(block) if isinstance(block, CsvBlock) else _read_parquet(block)
        texts = dict(zip(self._wanted, rows.columns))
        text_format = block.text_format if isinstance(block, CsvBlock) else None
        if text_format is not None and features.ITEM_ID in texts:
            texts[features.ITEM_ID] = _with_substitutes(texts[features.ITEM_ID], text_format, rows.columns[-1])
        iso_times = text_format is not None and text_format.iso_times
        good, rejected = check_rows(block.file, block.first_line, texts, rows, iso_times)
        for part in rejected:
            yield pvalue.TaggedOutput(REJECTED, count_in_metrics(part))
        if good.num_rows:
            yield good
        self._good.inc(good.num_rows)
        yield pvalue.TaggedOutput(ROWS, len(rows.line) + len(rows.malformed))


def _with_substitutes(item: pa.Array, text_format: TextFormat, last: pa.Array) -> pa.Array:
    """Item ids, the empty ones replaced as the format says; `last` is the block's last column."""
    if text_format.item_name is None and text_format.no_item is None:
        return item
    substitute = last if text_format.no_item is None else text_format.no_item
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(item), ""), substitute, item)


def check_rows(
    file: str, first_line: int, texts: dict[str, pa.Array], rows: BlockRows, iso_times: bool = False
) -> tuple[pa.RecordBatch, list[pa.RecordBatch]]:
    """Checks every column of a block.

    Args:
      file: path.
      first_line: number of the block's first line.
      texts: columns of the block by name.
      rows: the block.
      iso_times: timestamps are ISO times.

    Returns:
      The valid rows, and the rejected ones.
    """
    checks: dict[str, column_checks.Checked] = {}
    for name, column in texts.items():
        if name == features.RATING:
            checks[name] = column_checks.check_ratings(column)
        elif name == features.TIMESTAMP:
            checks[name] = (
                column_checks.check_iso_times(column) if iso_times else column_checks.check_timestamps(column)
            )
        else:
            checks[name] = column_checks.check_ids(name, column)
    line = first_line + rows.line
    place = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(line), np.int8)), pa.array([file]))
    batch = pa.RecordBatch.from_arrays(
        [*(check.values for check in checks.values()), place, pa.array(line)],
        names=[*checks, record_batches.FILE, record_batches.LINE],
    )
    every = [problem for check in checks.values() for problem in check.problems]
    bad, problems = column_checks.first_problems(every, len(line))
    rejected = [
        rejected_batch(file, line[p.rows], p.reason, p.words(texts), rows.text_of(rows.line[p.rows])) for p in problems
    ]
    for reason, group in itertools.groupby(sorted(rows.malformed, key=_reason), key=_reason):
        unreadable = list(group)
        lines = np.array([row.line for row in unreadable])
        words = [row.text for row in unreadable]
        rejected.append(rejected_batch(file, first_line + lines, reason, words, rows.text_of(lines)))
    return (record_batches.take(batch, ~bad) if problems else batch), rejected


def _reason(row: Malformed) -> str:
    return row.reason


def _read_csv(block: CsvBlock) -> BlockRows:
    data = block.data
    if data is None:
        with FileSystems.open(block.file) as stream:
            stream.seek(block.offset)
            data = stream.read(block.length)
    return read_block(data, block.header)


def _read_parquet(block: ParquetBlock) -> BlockRows:
    with FileSystems.open(block.file, compression_type=CompressionTypes.UNCOMPRESSED) as stream:
        table = pq.ParquetFile(stream).read_row_group(block.row_group, columns=list(block.columns))
    values = [_parquet_column(block.file, name, table[name]) for name in block.columns]

    def text_of(lines: npt.NDArray[np.int64]) -> pa.Array:
        texts = (column.take(pa.array(lines)).cast(pa.string()).fill_null("") for column in values)
        return pc.binary_join_element_wise(*texts, ",")

    return BlockRows(values, np.arange(table.num_rows), [], text_of)


def _parquet_column(file: str, name: str, column: pa.ChunkedArray) -> pa.Array:
    """One array of a type that the column checks know."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    identity = name in (features.USER_ID, features.ITEM_ID)
    if identity and not (text or pa.types.is_integer(kind)):
        raise BadInputError(f"{file}: expected {name} as text or integers, found {kind}")
    if not (text or number or (name == features.TIMESTAMP and pa.types.is_timestamp(kind))):
        raise BadInputError(f"{file}: expected {name} as numbers or text, found {kind}")
    if text or identity:
        column = column.cast(pa.string())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
