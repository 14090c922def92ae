"""Reads JSON lines: one object a line, of which some keys are columns."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.json as arrow_json

from rrn_tf.data.reading.csv_blocks import BlockRows, Malformed
from rrn_tf.data.reading.header import Header
from rrn_tf.data.reading.lines import BlockLines, Lines, lines_of

NOT_JSON = "not_json"
_PART = 1 << 20  # bytes that Arrow reads at once, of at most 100,000 rows
_TYPES = {"int": pa.int64(), "float": pa.float64()}


def read_json(data: bytes, header: Header) -> BlockRows:
    """Reads the lines of a block.

    Args:
      data: whole lines; the last may lack its line end.
      header: how the file is read.
    """
    lines = lines_of(data)

    def text_of(wanted: Lines) -> pa.Array:
        return pa.array([_text(lines, line) for line in wanted.tolist()], pa.string())

    filled = np.flatnonzero(lines.ends > lines.starts)
    columns = _at_once(data, header, len(filled))
    if columns is not None:
        return BlockRows(columns, filled, [], text_of)
    # A line that is no object, or values of several types: Arrow refuses the whole block.
    rows: dict[int, dict[str, Any]] = {}
    malformed = []
    for line in filled.tolist():
        text = _text(lines, line)
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except ValueError:
            row = None
        if isinstance(row, dict):
            rows[line] = row
        else:
            malformed.append(Malformed(line, NOT_JSON, "expected a JSON object in this line"))
    values = [pa.array([_plain(row.get(key)) for row in rows.values()], pa.string()) for key, _ in header.kinds]
    return BlockRows(values, np.array(list(rows), np.int64), malformed, text_of)


def _at_once(data: bytes, header: Header, count: int) -> list[pa.Array] | None:
    """Reads a block of `count` lines that are all as expected; returns None for others."""
    if not count:
        return [pa.array([], pa.string()) for _ in header.kinds]
    schema = pa.schema([(key, _TYPES.get(kind, pa.string())) for key, kind in dict(header.kinds).items()])
    try:
        table = arrow_json.read_json(
            io.BytesIO(data),
            arrow_json.ReadOptions(use_threads=False, block_size=_PART),
            arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != count:
        return None
    return [pa.concat_arrays(table[key].chunks) for key, _ in header.kinds]


def _plain(value: Any) -> str | None:
    """Returns a value as text; None if it is missing or no single value."""
    if value is None or isinstance(value, (bool, list, dict)):
        return None
    return value if isinstance(value, str) else repr(value)


def _text(lines: BlockLines, line: int) -> str:
    return lines.data[lines.starts[line] : lines.ends[line]].decode("utf-8", "replace")
