"""Batches of ratings, as they are read and as elements of Beam's collections until ids are numbered.

A batch is a `pyarrow.RecordBatch` of tens or hundreds of thousands of ratings. Ids are dictionary-encoded, so that
each distinct id of a batch is hashed, counted and looked up only once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rrn_tf import features

# Columns besides those of the data contract; they are dropped when rows are numbered or split.
FILE = "file"
LINE = "line"
HELD_OUT = "held_out"  # whether a row is from the explicit validation files

_NEWEST_FIRST = b"newest_first"

IDS = pa.dictionary(pa.int32(), pa.string())
FILES = pa.dictionary(pa.int8(), pa.string())  # a batch has rows of one file only

RATINGS = pa.schema(
    [
        (features.USER_ID, IDS),
        (features.ITEM_ID, IDS),
        (features.RATING, pa.float32()),
        (features.TIMESTAMP, pa.int64()),
        (FILE, FILES),
        (LINE, pa.int64()),
    ]
)

EVENTS = pa.schema(
    [
        (features.USER_ID, IDS),
        (features.ITEM_ID, IDS),
        (features.TIMESTAMP, pa.int64()),
        (features.POSITION, pa.int64()),
    ]
)


def numbers(batch: pa.RecordBatch, name: str) -> npt.NDArray[Any]:
    """Converts a column without nulls to a NumPy array."""
    return batch.column(batch.schema.get_field_index(name)).to_numpy(zero_copy_only=False)


def ids(batch: pa.RecordBatch, name: str) -> tuple[npt.NDArray[np.int32], pa.Array]:
    """Splits a text column into codes, int32[rows], and the distinct values that they index, string[values]."""
    column = batch.column(batch.schema.get_field_index(name))
    if not pa.types.is_dictionary(column.type):
        column = encode_ids(column)
    return column.indices.to_numpy(zero_copy_only=False), column.dictionary


def encode_ids(column: pa.Array) -> pa.DictionaryArray:
    """Converts text, binary or dictionary ids to the type `IDS`, with each distinct id once."""
    if pa.types.is_dictionary(column.type):
        return column if column.type.equals(IDS) else column.cast(IDS)
    return column.cast(pa.string()).dictionary_encode()


def file_of(batch: pa.RecordBatch) -> str:
    """Returns the file that all rows of a batch come from."""
    return str(batch.column(batch.schema.get_field_index(FILE)).dictionary[0].as_py())


def newest_first(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Returns a batch marked as rows of a file in which later events precede earlier ones."""
    return batch.replace_schema_metadata({_NEWEST_FIRST: b"yes"})


def is_newest_first(batch: pa.RecordBatch) -> bool:
    """Returns whether a batch is marked by `newest_first`."""
    return _NEWEST_FIRST in (batch.schema.metadata or {})


def without(batch: pa.RecordBatch, *names: str) -> pa.RecordBatch:
    """Returns the batch without some columns, if it has them."""
    kept = [name for name in batch.schema.names if name not in names]
    return pa.RecordBatch.from_arrays([batch.column(batch.schema.get_field_index(name)) for name in kept], names=kept)


def with_column(batch: pa.RecordBatch, name: str, column: pa.Array | npt.NDArray[Any]) -> pa.RecordBatch:
    """Returns the batch with a further column."""
    values = column if isinstance(column, pa.Array) else pa.array(column)
    return pa.RecordBatch.from_arrays([*batch.columns, values], names=[*batch.schema.names, name])


def take(batch: pa.RecordBatch, rows: npt.NDArray[Any]) -> pa.RecordBatch:
    """Copies the rows of a mask or of positions, because a slice would keep the whole batch in every shuffle."""
    positions = np.flatnonzero(rows) if rows.dtype == bool else rows
    return pa.RecordBatch.from_arrays(
        [column.take(pa.array(positions)) for column in batch.columns], names=batch.schema.names
    )


def texts(rows: pa.RecordBatch) -> pa.Array:
    """Formats each row's columns of the data contract as one line of readable text: string[rows]."""
    columns = [rows.column(rows.schema.get_field_index(name)) for name in features.COLUMNS if name in rows.schema.names]
    plain = (c.dictionary_decode() if pa.types.is_dictionary(c.type) else c.cast(pa.string()) for c in columns)
    return pc.binary_join_element_wise(*plain, ",")
