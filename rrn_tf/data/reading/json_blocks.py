"""Reads JSON lines: one object a line, of which some keys are columns.

Arrow reads lines at once whose values have the types that the file began with. In other blocks the lines are sorted by
the types of their values, so that Arrow reads each kind at once as well; what it still refuses is read line by line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as arrow_json

from rrn_tf.data.reading.csv_blocks import BlockRows, Malformed, invalid_utf8
from rrn_tf.data.reading.header import Header
from rrn_tf.data.reading.lines import BlockLines, Lines, lines_of, not_utf8
from rrn_tf.features import RATING, TIMESTAMP

NOT_JSON = "not_json"
_PART = 1 << 20  # bytes that Arrow reads at once, of at most 100,000 rows
_LINES = 1_000  # of which one that Arrow refuses costs no more than these
_NO_OBJECT = re.compile(rb"(?m)^[ \t\r]*[^\s{]")  # up to the first byte of a line that begins no object
_TYPES = {"int": pa.int64(), "float": pa.float64()}


class _Read(NamedTuple):
    """Lines that are read: their places in the block, a column of text for each key, and malformed lines."""

    lines: Lines
    columns: list[pa.Array]
    malformed: Sequence[Malformed] = ()


def read_json(data: bytes, header: Header) -> BlockRows:
    """Reads the lines of a block.

    Args:
      data: whole lines; the last may lack its line end.
      header: how the file is read.
    """
    lines = lines_of(data)

    def text_of(wanted: Lines) -> pa.Array:
        return pa.array([_text(lines, line) for line in wanted.tolist()], pa.string())

    unfit = _unfit(lines)
    filled = np.setdiff1d(np.flatnonzero(lines.ends > lines.starts), [row.line for row in unfit])
    columns = None if unfit else _at_once(data, dict(header.kinds), len(filled))
    if columns is not None:
        return BlockRows([columns[key] for key, _ in header.kinds], filled, [], text_of)
    none = [pa.array([], pa.string()) for _ in header.kinds]
    parts = [_Read(filled[:0], none, unfit)]
    parts += _of_each_kind(lines, filled, header)
    every = np.concatenate([part.lines for part in parts])
    order = np.argsort(every)
    joined = [pa.concat_arrays(of).take(pa.array(order)) for of in zip(*(part.columns for part in parts), strict=True)]
    malformed = sorted((row for part in parts for row in part.malformed), key=lambda row: row.line)
    return BlockRows(joined, every[order], malformed, text_of)


def _unfit(lines: BlockLines) -> list[Malformed]:
    """Finds lines that Arrow must not meet: it takes any byte for UTF-8, and a ``null`` that comes first crashes it."""
    found = {line: invalid_utf8(line) for line in not_utf8(lines)}
    begins = [match.end() - 1 for match in _NO_OBJECT.finditer(lines.data)]
    for line in np.searchsorted(lines.stops, begins).tolist():
        found.setdefault(line, _not_json(line))
    return list(found.values())


def _of_each_kind(lines: BlockLines, filled: Lines, header: Header) -> Iterator[_Read]:
    """Reads lines of a block, those together in which the same keys have text."""
    # Each with its line end, so that several of them are a text again.
    offsets = np.append(lines.starts, len(lines.data)).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(lines.data)]
    texts, keys = pa.Array.from_buffers(pa.binary(), len(lines.starts), buffers), list(dict(header.kinds))
    code = np.zeros(len(texts), np.int64)
    for place, key in enumerate(keys):
        # A nested object can have the same key; Arrow refuses what is then taken for text.
        text = [pc.match_substring(texts, f'"{key}":{blank}"').to_numpy(zero_copy_only=False) for blank in ("", " ")]
        code |= np.logical_or(*text).astype(np.int64) << place
    for one in np.unique(code[filled]).tolist():
        has_text = {key for place, key in enumerate(keys) if one >> place & 1}
        yield from _in_parts(lines, texts, filled[code[filled] == one], header, has_text)


def _in_parts(
    lines: BlockLines, texts: pa.Array, same: Lines, header: Header, has_text: Collection[str]
) -> Iterator[_Read]:
    """Reads lines in which the same keys have text: all at once, or else part by part, or a part line by line."""
    if (whole := _joined(texts, same, header, has_text)) is not None:
        yield _Read(same, whole)
        return
    for begin in range(0, len(same), _LINES):
        part = same[begin : begin + _LINES]
        columns = _joined(texts, part, header, has_text)
        yield _one_by_one(lines, part, header) if columns is None else _Read(part, columns)


def _joined(texts: pa.Array, part: Lines, header: Header, has_text: Collection[str]) -> list[pa.Array] | None:
    """Reads some lines at once, as text; returns None for others than expected."""
    data = texts.take(pa.array(part)).buffers()[2]
    # Whole numbers are kept exactly; a fraction is none in an id, which is kept as it is written.
    for of_times in ("int", "float"):
        kinds = {RATING: "float", TIMESTAMP: of_times}
        types = {
            key: "str" if key in has_text else kinds.get(name, "int")
            for name, (key, _) in zip(header.columns, header.kinds, strict=True)
        }
        if (columns := _at_once(data, types, len(part))) is not None:
            return [columns[key].cast(pa.string()) for key, _ in header.kinds]
    return None


def _one_by_one(lines: BlockLines, part: Lines, header: Header) -> _Read:
    rows: dict[int, dict[str, Any]] = {}
    malformed = []
    for line in part.tolist():
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
            malformed.append(_not_json(line))
    values = [pa.array([_plain(row.get(key)) for row in rows.values()], pa.string()) for key, _ in header.kinds]
    return _Read(np.array(list(rows), np.int64), values, malformed)


def _not_json(line: int) -> Malformed:
    return Malformed(line, NOT_JSON, "expected a JSON object in this line")


def _at_once(data: bytes | pa.Buffer, types: Mapping[str, str], count: int) -> dict[str, pa.Array] | None:
    """Reads `count` lines that are all as expected; returns None for others.

    Args:
      data: the lines.
      types: the type of each key's values, as Python calls it.
      count: the number of the lines.
    """
    schema = pa.schema([(key, _TYPES.get(kind, pa.string())) for key, kind in types.items()])
    if not count:
        return {field.name: pa.array([], pa.string()) for field in schema}
    try:
        table = arrow_json.read_json(
            pa.BufferReader(data),
            arrow_json.ReadOptions(use_threads=False, block_size=_PART),
            arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != count:
        return None
    return {key: pa.concat_arrays(table[key].chunks) for key in types}


def _plain(value: Any) -> str | None:
    """Returns a value as text; None if it is missing or no single value."""
    if value is None or isinstance(value, (bool, list, dict)):
        return None
    return value if isinstance(value, str) else repr(value)


def _text(lines: BlockLines, line: int) -> str:
    return lines.data[lines.starts[line] : lines.ends[line]].decode("utf-8", "replace")
