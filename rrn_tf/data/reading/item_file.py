"""Reads a file of items: ids, titles and other attributes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rrn_tf.data.layouts import Layout
from rrn_tf.data.layouts.item_files import ITEM_LAYOUTS
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading import record_batches
from rrn_tf.data.reading.blocks import plan_blocks
from rrn_tf.data.reading.column_names import find_names
from rrn_tf.data.reading.csv_blocks import raw_lines
from rrn_tf.data.reading.files import CHECKED_PAGES, is_parquet, open_local, readable
from rrn_tf.data.reading.header import split_names
from rrn_tf.data.reading.in_memory import read_blocks
from rrn_tf.data.reading.rejected import in_order, rejected_batch
from rrn_tf.data.reading.row_file import read_row_file
from rrn_tf.data.reading.text_stream import TextStream, text_stream
from rrn_tf.data_format import DataFormat
from rrn_tf.features import ITEM_ID

_SEPARATORS = (",", "\t", ";", "|", "::")
_ALIKE = 0.9  # fraction of the first lines that must look like a published layout
_PART = 1 << 20
_EXPECTED = "--items: expected a line of names with item_id and title, such as item_id,title,year"


class ItemRows(NamedTuple):
    """The rows of a file of items.

    Attributes:
      frame: the valid rows with all columns of the file; its index has the line numbers.
      rejected: the other rows, of the schema `rrn_tf.data.reading.rejected.REJECTED`.
      total: the number of both.
    """

    frame: pd.DataFrame
    rejected: pa.Table
    total: int


def read_item_rows(file: str) -> ItemRows:
    """Reads a file of items, each of which counts once: the first row.

    Args:
      file: Parquet or text, plain or compressed, with names in which one is that of the item, or in a layout of
        `ITEM_LAYOUTS`. In text all values are text, and empty ones are missing.

    Raises:
      BadInputError: in one line, for a file that is missing, not readable or without a column of items.
    """
    with readable(file), open_local(file) as stream:
        if is_parquet(file, stream):
            rows = _of_parquet(file, stream)
        else:
            with text_stream(file, stream) as text:
                layout = _layout_of(file, text)
                rows = _of_layout(file, text, layout) if layout else _of_names(file)
    again = rows.frame[ITEM_ID].duplicated().to_numpy()
    if not again.any():
        return rows
    ids = rows.frame[ITEM_ID][again]
    problems = [f"{ITEM_ID} '{name}' stands in an earlier row" for name in ids]
    later = rejected_batch(file, ids.index.to_numpy(), "duplicate", problems, list(ids))
    return rows._replace(frame=rows.frame[~again], rejected=in_order([*rows.rejected.to_batches(), later]))


def _layout_of(file: str, text: TextStream) -> Layout | None:
    """Returns the layout that a file without names has; None for a file with a column of items.

    Raises:
      BadInputError: for any other file.
    """
    lines = [line for line in text.head.decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        raise BadInputError(f"{file}:1: {_EXPECTED}, found an empty file")
    if any(_item_column(split_names(lines[0], separator)) for separator in _SEPARATORS):
        return None
    sample = lines[: 100 if text.whole else min(100, len(lines) - 1)]
    for layout in ITEM_LAYOUTS:
        if layout.matches(sample, _ALIKE):
            return layout
    raise BadInputError(f"{file}:1: {_EXPECTED}, found {lines[0][:80]!r}")


def _item_column(names: list[str]) -> str:
    """Returns the name of the column of items, as in files of ratings; empty if there is none."""
    found = find_names(names, (ITEM_ID,), (), DataFormat())
    return found.names[ITEM_ID] if found else ""


def _of_layout(file: str, text: TextStream, layout: Layout) -> ItemRows:
    data = b"".join(text.chunks(_PART))
    try:
        data.decode()
    except UnicodeDecodeError:
        data = data.decode(layout.encoding).encode()
    lines = raw_lines(data).cast(pa.string())
    filled = pc.not_equal(pc.utf8_trim_whitespace(lines), "").to_numpy(zero_copy_only=False)
    fields = pc.extract_regex(lines, f"^(?:{layout.line})$")
    good = fields.is_valid().to_numpy(zero_copy_only=False)
    frame = pa.RecordBatch.from_struct_array(fields.filter(pa.array(good))).to_pandas()
    frame.index = pd.Index(np.flatnonzero(good) + 1)
    bad = np.flatnonzero(filled & ~good)
    rejected = rejected_batch(
        file, bad + 1, "not_an_item", f"expected a line of {layout.title}", lines.take(pa.array(bad))
    )
    return ItemRows(frame.replace("", None), in_order([rejected]), int(filled.sum()))


def _of_names(file: str) -> ItemRows:
    found = read_row_file(Path(file), (ITEM_ID,))
    _refuse_repeated(file, found.names)
    lines = found.lines.take(pa.array(found.good)).to_pylist()
    frame = pd.read_csv(
        io.BytesIO(b"\n".join(lines)), header=None, names=found.names, dtype=str, keep_default_na=False, na_values=[""]
    )
    frame = frame.astype(object).where(frame.notna(), None)
    frame.index = pd.Index(found.rows.numbers(record_batches.LINE))
    return _named(ItemRows(frame, found.rows.rejected, found.rows.total), found.rows.ids(ITEM_ID))


def _of_parquet(file: str, stream: IO[bytes]) -> ItemRows:
    table = pq.read_table(stream, **CHECKED_PAGES)
    _refuse_repeated(file, table.column_names)
    if not _item_column(table.column_names):
        raise BadInputError(f"{file}: {_EXPECTED}, found {','.join(table.column_names)[:80]!r}")
    for place, name in enumerate(table.column_names):
        if pa.types.is_list(table[name].type) and pa.types.is_string(table[name].type.value_type):
            table = table.set_column(place, name, pc.binary_join(table[name], "|"))
    rows = read_blocks(plan_blocks(file, (ITEM_ID,)))
    line = rows.numbers(record_batches.LINE)
    frame = table.take(pa.array(line - 1)).to_pandas()
    frame.index = pd.Index(line)
    return _named(ItemRows(frame, rows.rejected, rows.total), rows.ids(ITEM_ID))


def _named(rows: ItemRows, ids: npt.NDArray[np.object_]) -> ItemRows:
    """Returns rows whose first column is `item_id`, with the ids as they are read from ratings."""
    names = [str(name) for name in rows.frame]
    frame = rows.frame.drop(columns=[_item_column(names), *(name for name in names if not name)])
    frame.insert(0, ITEM_ID, ids)
    return rows._replace(frame=frame)


def _refuse_repeated(file: str, names: list[str]) -> None:
    if again := [name for place, name in enumerate(names) if name and name in names[:place]]:
        raise BadInputError(f"{file}:1: --items: expected each column once, found {again[0]!r} twice")
