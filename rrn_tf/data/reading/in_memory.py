"""Reads whole files of ratings or events into memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from rrn_tf.data.reading import record_batches
from rrn_tf.data.reading.blocks import Block, plan_blocks, read_block_rows
from rrn_tf.data.reading.files import Opener, Source, find_sources, open_local
from rrn_tf.data.reading.rejected import in_order, split_off
from rrn_tf.data_format import DataFormat
from rrn_tf.features import ITEM_ID, TIMESTAMP, USER_ID

DUPLICATE = "duplicate"


class ReadRows(NamedTuple):
    """All rows of some files.

    Attributes:
      good: valid rows in order of files and lines, one batch per block.
      rejected: the other rows, in the same order, of the schema `rrn_tf.data.reading.rejected.REJECTED`.
      total: the number of both.
    """

    good: list[pa.RecordBatch]
    rejected: pa.Table
    total: int

    def ids(self, name: str) -> npt.NDArray[np.object_]:
        """Returns a column of ids of the valid rows: object[N]."""
        parts = (record_batches.ids(batch, name) for batch in self.good)
        return np.concatenate([np.empty(0, object), *(values.to_numpy(False)[codes] for codes, values in parts)])

    def numbers(self, name: str, kind: type[np.generic] = np.int64) -> npt.NDArray[Any]:
        """Returns a column of numbers of the valid rows."""
        return np.concatenate([np.empty(0, kind), *(record_batches.numbers(batch, name) for batch in self.good)])


def read_files(
    pattern: str, columns: Sequence[str], data_format: DataFormat | None = None
) -> tuple[ReadRows, list[Source]]:
    """Reads local files, and returns their rows and the files in order of their names.

    Args:
      pattern: file or glob; optionally after the name of a layout and a colon.
      columns: the columns to read, of user_id, item_id, rating and timestamp.
      data_format: what the user says about their format.

    Raises:
      BadInputError: in one line, for a file that is missing, is not readable or lacks a column.
    """
    sources = find_sources([pattern], columns, data_format=data_format)
    return read_sources(sources, columns), sources


def read_sources(sources: Sequence[Source], columns: Sequence[str], open_file: Opener = open_local) -> ReadRows:
    """Reads files into memory.

    Args:
      sources: the files, from `rrn_tf.data.reading.files.find_sources`.
      columns: the columns to read.
      open_file: opens a file, without decompressing it.

    Raises:
      BadInputError: for a file that is not readable or lacks a column.
    """
    return read_blocks(
        (
            block
            for data_format, file in sources
            for block in plan_blocks(file, columns, data_format, carry=True, open_file=open_file)
        ),
        open_file=open_file,
    )


def read_blocks(blocks: Iterable[Block], optional: Sequence[str] = (), open_file: Opener = open_local) -> ReadRows:
    """Reads blocks in their order; `optional` and `open_file` are those of `read_block_rows`."""
    read = [read_block_rows(block, optional, open_file) for block in blocks]
    rejected = in_order([batch for block in read for batch in block.rejected])
    return ReadRows([block.good for block in read], rejected, sum(block.rows for block in read))


def same_rows(user: npt.ArrayLike, item: npt.ArrayLike, timestamp: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Numbers rows so that those of one user, item and second have the same number, from 0 in order: int64[N]."""
    frame = pd.DataFrame({USER_ID: user, ITEM_ID: item, TIMESTAMP: timestamp})
    return frame.groupby([USER_ID, ITEM_ID, TIMESTAMP], sort=False).ngroup().to_numpy()


def without_duplicates(read: ReadRows) -> ReadRows:
    """Rejects valid rows that repeat the user, item and second of an earlier one, as in training."""
    number = same_rows(read.ids(USER_ID), read.ids(ITEM_ID), read.numbers(TIMESTAMP))
    first = np.unique(number, return_index=True)[1][number]
    later = first != np.arange(len(first))
    if not later.any():
        return read
    places = pa.concat_arrays([_places(batch) for batch in read.good])
    good, rejected, begin = [], read.rejected.to_batches(), 0
    for batch in read.good:
        part = slice(begin, begin := begin + batch.num_rows)
        rows = np.flatnonzero(later[part])
        stays = places.take(pa.array(first[part][rows]))
        problem = pc.binary_join_element_wise("same user, item and timestamp as ", stays, "")
        kept, duplicates = split_off(batch, rows, DUPLICATE, problem)
        good.append(kept)
        rejected += duplicates
    return ReadRows(good, in_order(rejected), read.total)


def _places(batch: pa.RecordBatch) -> pa.Array:
    """Returns the places of rows, as ``file:line``."""
    line = pa.array(record_batches.numbers(batch, record_batches.LINE)).cast(pa.string())
    return pc.binary_join_element_wise(f"{record_batches.file_of(batch)}:", line, "")
