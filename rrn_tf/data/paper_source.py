"""Finds the files of a data set of the papers, and cuts parts out of them."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rrn_tf.data.paper_sets import PaperSet, Part
from rrn_tf.data.reading.blocks import plan_blocks, read_block_rows
from rrn_tf.data.reading.files import local_files
from rrn_tf.data.source import DataSource, DataSourceError
from rrn_tf.data_format import DataFormat
from rrn_tf.features import COLUMNS, EVENT_COLUMNS, ITEM_ID, RATING, TIMESTAMP, USER_ID
from rrn_tf.files import written_whole
from rrn_tf.times import LAST_SECOND, parse_time

FOLDER_VARIABLE = "TFDS_MANUAL_DIR"
_USUAL_FOLDER = Path("~/tensorflow_datasets/downloads/manual")  # that of TensorFlow Datasets
_ROWS = 1 << 19  # of a row group
_KINDS = {USER_ID: pa.string(), ITEM_ID: pa.string(), RATING: pa.float32(), TIMESTAMP: pa.int64()}


class PaperFiles(NamedTuple):
    """The files of a data set: a pattern of those of rows, and a file of titles, None without one."""

    rows: str
    items: str | None


def manual_folder() -> Path:
    """Returns the folder of files that were fetched by hand: `TFDS_MANUAL_DIR`, or that of TensorFlow Datasets."""
    return Path(os.environ.get(FOLDER_VARIABLE) or _USUAL_FOLDER).expanduser()


def files_in(folder: Path, of: PaperSet) -> PaperFiles | None:
    """Returns the files of a data set in a folder, or in one of its name there; None if they are in neither."""
    for place in (folder / of.name, folder):
        base = glob.escape(str(place))
        rows = next((path for name in of.files if local_files(path := f"{base}/{name}")), None)
        if rows:
            items = next((str(place / name) for name in of.item_files if (place / name).is_file()), None)
            return PaperFiles(rows, items)
    return None


def paper_source(of: PaperSet, part_name: str, cache: Path, fetch: Callable[[PaperSet], PaperFiles]) -> DataSource:
    """Returns the source of a data set of the papers, or of one of its parts.

    The original files are read where they are. Of a part with bounds in time, its rows are first written to Parquet in
    the folder `cache`, some hundred thousand at a time.

    Args:
      of: the data set.
      part_name: the name of a part; empty for the first one.
      cache: where to write.
      fetch: downloads the files of a data set that has URLs.

    Raises:
      DataSourceError: for an unknown part, and without the files.
    """
    part = of.by_name.get(part_name) if part_name else of.parts[0]
    if part is None:
        raise DataSourceError(f"tfds:{of.name}: expected one of {', '.join(of.by_name)}, found {part_name!r}")
    files = files_in(manual_folder(), of) or (fetch(of) if of.urls else None)
    if files is None:
        raise DataSourceError(
            f"tfds:{of.name}: expected {of.instructions} in the folder {manual_folder()}, found none: fetch and unpack "
            f"the files, and set {FOLDER_VARIABLE} if they are elsewhere"
        )
    told = f"{of.told}: {part.told}"
    if not (part.start or part.end):
        return DataSource(f"{part.layout}:{files.rows}", told, items=files.items)
    path = cache / f"tfds-{of.name}-{part.name}.parquet"
    if not path.exists():
        write_part(files.rows, part, COLUMNS if of.rated else EVENT_COLUMNS, path)
    return DataSource(str(path), told, items=files.items)


def write_part(pattern: str, part: Part, columns: Sequence[str], path: Path) -> None:
    """Writes the rows of a part to a Parquet file, in the order of the files, completely or not at all.

    Args:
      pattern: the files.
      part: the part, with its layout and its bounds.
      columns: the columns to read and to write.
      path: the file to write.

    Raises:
      DataSourceError: for a row that cannot be read, which no original file has, and for a part without rows.
    """
    schema, written = _schema(columns), 0
    with written_whole(path) as draft, pq.ParquetWriter(draft, schema) as parquet:
        held: list[pa.RecordBatch] = []
        for batch in rows_of(pattern, part, columns):
            held.append(batch)
            if sum(len(one) for one in held) >= _ROWS:
                parquet.write_table(pa.Table.from_batches(held, schema), row_group_size=_ROWS)
                held = []
            written += len(batch)
        parquet.write_table(pa.Table.from_batches(held, schema))
        if not written:
            raise DataSourceError(f"{pattern}: expected rows of {part.told}, found none")


def rows_of(pattern: str, part: Part, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a part, block by block; arguments and exceptions are those of `write_part`."""
    schema = _schema(columns)
    start = parse_time(part.start) if part.start else 0
    end = parse_time(part.end) if part.end else LAST_SECOND + 1
    layout = DataFormat(name=part.layout)
    for file in sorted(local_files(pattern)):
        for block in plan_blocks(file, schema.names, layout):
            read = read_block_rows(block)
            for rejected in read.rejected:
                place = rejected.column(rejected.schema.get_field_index("message"))[0]
                raise DataSourceError(f"{place}: expected the original file, which has no such row: fetch it again")
            time = read.good.column(read.good.schema.get_field_index(TIMESTAMP))
            within = pc.and_(pc.greater_equal(time, start), pc.less(time, end))
            kept = [read.good.column(read.good.schema.get_field_index(name)) for name in schema.names]
            cast = [column.cast(kind) for column, kind in zip(kept, schema.types)]
            yield pa.RecordBatch.from_arrays(cast, schema=schema).filter(within)


def _schema(columns: Sequence[str]) -> pa.Schema:
    return pa.schema([(name, _KINDS[name]) for name in columns])
