"""Reads ratings or events by `rrn_tf.data.reading`, on Beam's workers and from all file systems of Beam."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import IO, Any

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics

from rrn_tf import features
from rrn_tf.beam.reading.dead_letters import count_in_metrics
from rrn_tf.data.reading.blocks import BLOCK_BYTES, Block, plan_blocks, read_block_rows
from rrn_tf.data.reading.files import Source, find_sources, local_files
from rrn_tf.data_format import DataFormat
from rrn_tf.slow_work import add

_READING = "reading files, in blocks"
RATINGS, REJECTED, ROWS = "ratings", "rejected", "rows"


class ReadRatings(beam.PTransform):
    """Reads and validates ratings, or events, which have no rating.

    Blank lines, a byte order mark, any line ends and further columns are accepted. Ids are kept byte for byte; numbers
    may be surrounded by spaces. How a file is read is recognised by what stands in it (`rrn_tf.data.layouts`).

    Args:
      pattern: file, glob or several of them: CSV, JSON lines or Parquet, plain or compressed. A prefix such as
        ``brightkite:`` names a published layout.
      columns: the columns to read, of user_id, item_id, rating and timestamp.
      data_format: what the user says about the files' format.
      block_bytes: bytes of CSV to read at once.

    Attributes:
      files: the files to read, in order of their names, each with what is said about its format.

    Output: a dictionary of PCollections: ``ratings`` (`pyarrow.RecordBatch`es of `record_batches.RATINGS`),
    ``rejected`` (batches of `rrn_tf.data.reading.rejected.REJECTED`) and ``rows`` (numbers of rows read).

    Raises:
      BadInputError: for a missing file; while running, for a file that is not readable or lacks a column.
    """

    def __init__(
        self,
        pattern: str | Sequence[str],
        columns: Sequence[str] = features.COLUMNS,
        data_format: DataFormat | None = None,
        *,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        super().__init__()
        self._columns = tuple(columns)
        patterns = [pattern] if isinstance(pattern, str) else pattern
        self.files = find_sources(patterns, self._columns, match_files, data_format)
        self._block_bytes = block_bytes

    def expand(self, start: beam.Pipeline) -> dict[str, beam.PCollection]:
        read = (
            start
            | "Files" >> beam.Create(self.files)
            | "SpreadFiles" >> beam.Reshuffle()
            | "Plan" >> beam.FlatMap(_planned, self._columns, self._block_bytes)
            | "SpreadBlocks" >> beam.Reshuffle()
            | "Read" >> beam.ParDo(_ReadBlock()).with_outputs(REJECTED, ROWS, main=RATINGS)
        )
        return {name: read[name] for name in (RATINGS, REJECTED, ROWS)}


def match_files(pattern: str) -> list[str]:
    """Returns the files that match a pattern, local or remote, without hidden ones."""
    if "://" not in pattern:
        return local_files(pattern)
    (match,) = FileSystems.match([pattern])
    found = [metadata.path for metadata in match.metadata_list]
    return [path for path in found if not posixpath.basename(path).startswith(".")]


def open_anywhere(file: str) -> IO[bytes]:
    """Opens a file without decompressing it, on any file system that Beam supports."""
    return FileSystems.open(file, compression_type=CompressionTypes.UNCOMPRESSED)


def _planned(source: Source, columns: tuple[str, ...], block_bytes: int) -> Iterator[Block]:
    data_format, file = source
    for block in plan_blocks(file, columns, data_format, block_bytes=block_bytes, open_file=open_anywhere):
        add(_READING, of=1)
        yield block


class _ReadBlock(beam.DoFn):
    """Reads a block: outputs its valid rows as a batch, its other rows as rejected batches, and its number of rows."""

    def __init__(self) -> None:
        self._good = Metrics.counter("rrn_tf", "good_rows")

    def process(self, block: Block) -> Iterator[Any]:
        read = read_block_rows(block, open_file=open_anywhere)
        for part in read.rejected:
            yield pvalue.TaggedOutput(REJECTED, count_in_metrics(part))
        if read.good.num_rows:
            yield read.good
        self._good.inc(read.good.num_rows)
        yield pvalue.TaggedOutput(ROWS, read.rows)
        add(_READING, done=1)
