"""Recognises how a file of text is to be read, by what stands at its beginning and by what the user says."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from typing import Any

from rrn_tf.data.layouts import LAYOUTS, Layout
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.column_names import Named, find_names, missing_names, told_names
from rrn_tf.data.reading.header import PLAIN, Header, split_names
from rrn_tf.data_format import DataFormat
from rrn_tf.features import COLUMNS, TIMESTAMP

_SEPARATORS = (",", "\t", ";", "|", "::", " ")
_QUOTING = (",", "\t", ";", "|")  # separators of fields that may be quoted
_SAMPLE = 100  # lines that are looked at
_ALIKE = 0.9  # fraction of them that must look like a layout
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
_COMPACT_DATE = r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_LOCAL_DATE = r"\d{1,2}([/.-])\d{1,2}\1\d{4}.*"


def recognise(
    file: str, head: bytes, whole: bool, columns: Sequence[str], optional: Sequence[str], data_format: DataFormat
) -> Header:
    """Finds out how a file is read.

    Args:
      file: path of the file, for messages.
      head: the beginning of its text, without byte order mark.
      whole: whether that is all of it.
      columns: the required columns.
      optional: columns that are read if the file has them.
      data_format: what the user says about the file.

    Raises:
      BadInputError: in one line, if the columns cannot be found, or if two readings are possible.
    """
    if head[257:262] == b"ustar":
        raise BadInputError(f"{file}: expected a file of rows, found a tar archive: unpack it")
    lines = [line.removesuffix(b"\r") for line in head.split(b"\n")]
    if not whole and len(lines) > 1:
        del lines[-1]
    texts = [line.decode("utf-8", "replace") for line in lines]
    first = next((text.lstrip() for text in texts if text.strip()), "")
    if first.startswith("{"):
        return _of_json(file, texts, columns, optional, data_format)
    if first.startswith("[") and re.match(r"\[\s*(\{|$)", first):
        raise BadInputError(f"{file}: expected rows or one JSON object a line, found a JSON array")
    begin, separator = _preamble(texts, columns, data_format)
    data_format = dataclasses.replace(data_format, separator=data_format.separator or separator)
    header = _of_lines(file, texts[begin:], begin, columns, optional, data_format)
    skipped = begin + bool(header.line)
    end = sum(len(line) + 1 for line in head.split(b"\n")[:skipped])
    header = header._replace(start=min(end, len(head)), lines=skipped)
    if header.line and not texts[begin].isascii():
        header = header._replace(line=lines[begin])  # as it is, if it is not UTF-8
    sample = [split_names(text, header.delimiter) for text in texts[skipped : skipped + _SAMPLE] if text.strip()]
    if TIMESTAMP in header.columns:
        at = header.positions[header.columns.index(TIMESTAMP)]
        _refuse_dates(file, header.layout, [fields[at] for fields in sample if len(fields) > at])
    return header


def _preamble(texts: list[str], columns: Sequence[str], data_format: DataFormat) -> tuple[int, str]:
    """Returns the number of lines before the header or the first row, and the separator, if a line says it.

    The mark of a comment is taken off a header.
    """
    separator = ""
    for number, text in enumerate(texts):
        if mark := re.fullmatch(r'"?sep=(.)"?', text):
            separator = mark[1]
            continue
        names = text.lstrip("#% ")
        comment = text.lstrip().startswith(("#", "%")) and data_format.header is not False and not data_format.positions
        if comment and _header(names, columns, (), data_format):
            texts[number] = names
            return number, separator
        if text.strip() and not comment:
            return number, separator
    return len(texts), separator


def _header(
    text: str, columns: Sequence[str], optional: Sequence[str], data_format: DataFormat
) -> tuple[Named, str, list[str]] | None:
    """Finds the columns in a line of names: returns them, the separator and all names."""
    for separator in (data_format.separator,) if data_format.separator else _SEPARATORS:
        names = split_names(text, separator)
        if named := find_names(names, columns, optional, data_format):
            return named, separator, names
    return None


def _of_lines(
    file: str, texts: list[str], begin: int, columns: Sequence[str], optional: Sequence[str], data_format: DataFormat
) -> Header:
    """Finds out how lines with fields are read; `texts` are those behind the first `begin` lines."""
    sample = [text for text in texts[:_SAMPLE] if text.strip()]
    chosen = LAYOUTS.get(data_format.name)
    if data_format.positions:
        return _by_position(file, sample, columns, optional, data_format)
    if chosen is not None and chosen.by_position and data_format.header is not True:
        return _headerless(chosen, columns, optional, data_format, told=False)
    if sample and data_format.header is not False and (found := _header(sample[0], columns, COLUMNS, data_format)):
        named, separator, names = found
        present = tuple(name for name in named.names if name in columns or name in optional)
        told = told_names(named)
        layout = dataclasses.replace(named.layout, separator=separator)
        if separator != "," and layout.name == PLAIN.name:
            between = {"\t": "tabs", " ": "spaces"}.get(separator, f"'{separator}'")
            told = f"{told}; between {between}" if told else f"columns between {between}"
        positions = tuple(names.index(named.names[name]) for name in present)
        quoted = separator in _QUOTING and layout.name != "recbole"
        one_line = tuple(names.index(name) for name in named.names.values())
        return Header(len(names), present, positions, layout, quoted, sample[0].encode(), one_line, told=told)
    unsaid = not (data_format.separator or data_format.mapping or data_format.name)
    if sample and unsaid and (fitting := _by_lines(file, sample, columns)):
        return _headerless(fitting, columns, optional, data_format)
    raise _not_found(file, begin + 1, sample, columns, data_format)


def _by_lines(file: str, sample: list[str], columns: Sequence[str]) -> Layout | None:
    """Returns the layout without a header that all lines look like.

    Raises:
      BadInputError: for several layouts that are read in different ways, and for one that cannot be used.
    """
    fitting = [layout for layout in LAYOUTS.values() if layout.matches(sample, _ALIKE)]
    usable = [layout for layout in fitting if set(columns) <= set(layout.columns) or layout.refused]
    readings = {
        (*layout.columns.items(), layout.separator, layout.width, layout.time): layout for layout in usable[::-1]
    }
    if len(readings) > 1:
        titles = " or ".join(f"{layout.title} (--format {layout.name})" for layout in reversed(readings.values()))
        raise BadInputError(f"{file}: two readings are possible, {titles}: say which")
    for layout in (*usable, *fitting):
        if layout.refused:
            raise BadInputError(f"{file}: a {layout.title} file cannot be used: {layout.refused}")
        if layout in usable:
            # The others are read in the same way, so that none of them is ruled out.
            every = dict.fromkeys(of.title for of in usable)
            return dataclasses.replace(layout, title=" or ".join(every))
        there = ",".join(sorted(layout.columns, key=lambda of: layout.columns[of]))
        raise BadInputError(f"{file}: expected columns {','.join(columns)}, found {there} ({layout.title} layout)")
    return None


def _headerless(
    layout: Layout, columns: Sequence[str], optional: Sequence[str], data_format: DataFormat, *, told: bool = True
) -> Header:
    """Returns the header of a file without one; the field that replaces an empty item_id comes last."""
    layout = dataclasses.replace(
        layout, time=data_format.time or layout.time, separator=data_format.separator or layout.separator
    )
    present = (*columns, *(name for name in optional if name in layout.columns))
    positions = [int(layout.columns[name]) - 1 for name in present]
    further = [layout.item_name - 1] if layout.item_name else []
    return Header(
        layout.width,
        present,
        (*positions, *further),
        layout,
        quoted=layout.separator in _QUOTING and layout.separator != "\t" and not layout.blocks,
        told=layout.description if told else "",
    )


def _by_position(
    file: str, sample: list[str], columns: Sequence[str], optional: Sequence[str], data_format: DataFormat
) -> Header:
    """Returns the header of a file without one, whose columns the user gives by their positions."""
    given = data_format.positions
    if missing := [name for name in columns if name not in given]:
        raise BadInputError(f"{file}: expected the position of {missing[0]}, found --columns {data_format.columns}")
    widths = {
        separator: len(split_names(sample[0], separator)) if sample else max(given.values())
        for separator in ((data_format.separator,) if data_format.separator else _SEPARATORS)
    }
    separator = max(widths, key=lambda of: widths[of])
    if widths[separator] < max(given.values()):
        raise BadInputError(
            f"{file}: expected at least {max(given.values())} fields, found {sample[0][:200]!r}: "
            "--separator says what stands between them"
        )
    layout = Layout(
        "positions",
        "The given",
        {name: given[name] for name in (*columns, *optional) if name in given},
        width=widths[separator],
        separator=separator,
    )
    return _headerless(layout, columns, optional, data_format)


def _not_found(
    file: str, line: int, sample: list[str], columns: Sequence[str], data_format: DataFormat
) -> BadInputError:
    """Returns the error for a file in which the columns are not found."""
    if not sample:
        return BadInputError(f"{file}:1: expected columns {','.join(columns)}, found an empty file")
    found = repr(sample[0][:200])
    every = [split_names(sample[0], of) for of in ((data_format.separator,) if data_format.separator else _SEPARATORS)]
    names = max(every, key=len)
    headerless = data_format.header is False or any(_NUMBER.fullmatch(name) for name in names)
    if headerless and not data_format.mapping and len(names) >= len(columns):
        order = ",".join(f"{name}={position}" for position, name in enumerate(columns, start=1))
        expected = f"{file}:{line}: expected columns {','.join(columns)}, found {found}"
        return BadInputError(f"{expected}: without a header, say where they are, as in --no-header --columns {order}")
    return missing_names(f"{file}:{line}", names, found, columns, data_format)


def _refuse_dates(file: str, layout: Layout, values: list[str]) -> None:
    """Refuses times that can be read in two ways, unless the user says which."""
    if layout.time or not values:
        return
    if all(re.fullmatch(_COMPACT_DATE, value) for value in values):
        raise BadInputError(
            f"{file}: timestamp {values[0]!r} can be a date or unix seconds: say --time %Y%m%d or --time s"
        )
    if match := re.fullmatch(_LOCAL_DATE, values[0]):
        of = match[1]
        raise BadInputError(
            f"{file}: timestamp {values[0]!r} can begin with the day or the month: say --time %d{of}%m{of}%Y "
            f"or --time %m{of}%d{of}%Y"
        )


def _of_json(
    file: str, texts: list[str], columns: Sequence[str], optional: Sequence[str], data_format: DataFormat
) -> Header:
    """Finds out how JSON lines are read."""
    rows: list[dict[str, Any]] = []
    for number, text in enumerate(texts[:_SAMPLE], start=1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except ValueError as error:
            if rows:  # a damaged row, which is rejected where it stands
                continue
            of_python = re.match(r"\{u?'", text.lstrip())
            reason = "it is a dictionary of Python's, which json.dumps writes as JSON" if of_python else error
            raise BadInputError(
                f"{file}:{number}: expected one JSON object a line, found {text[:80]!r}: {reason}"
            ) from None
        if isinstance(row, dict):
            rows.append(row)
    names = list(rows[0])
    named = find_names(names, columns, optional, data_format)
    if named is None:
        raise missing_names(f"{file}:1", names, f"the keys {','.join(names)[:200]}", columns, data_format)
    present = tuple(named.names)
    kinds = []
    for name in present:
        key = named.names[name]
        value = next((row[key] for row in rows if row.get(key) is not None), "")
        kinds.append((key, type(value).__name__))
        if name == TIMESTAMP:
            _refuse_dates(file, named.layout, [str(row[key]) for row in rows if key in row])
    told = told_names(named) or "JSON lines"
    # Quotes of JSON are not those of CSV.
    places = tuple(range(len(present)))
    return Header(len(present), present, places, named.layout, quoted=False, kinds=tuple(kinds), told=told)
