"""Judges files by their beginning, before anything slow is imported."""

from __future__ import annotations

from collections.abc import Sequence

from rrn_tf.data.layouts import split_layout
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.blocks import told_about
from rrn_tf.data.reading.files import find_sources, local_files
from rrn_tf.data_format import DataFormat

_FILES = 100  # that are looked at; the others are judged when they are read
_UNPACKED = 16 << 20  # bytes of all compressed files that are read


def look_at(
    pattern: str, columns: Sequence[str], data_format: DataFormat | None = None, optional: Sequence[str] = ()
) -> list[str]:
    """Returns a line for each layout that is recognised, without a line for the library's own.

    Args:
      pattern: file or glob, optionally after the name of a layout and a colon; on another file system than the local
        one nothing is looked at.
      columns: the columns to read.
      data_format: what the user says about the files' format.
      optional: columns that are read if a file has them.

    Raises:
      BadInputError: in one line, for a file that is missing, cannot be read or lacks a column.
    """
    if "://" in pattern:
        return []
    if not is_file(pattern):
        raise BadInputError(f"{pattern}: expected a file of rows, found no such file")
    sources = find_sources([pattern], columns, data_format=data_format)[:_FILES]
    unpacked = _UNPACKED // len(sources)
    lines = (told_about(file, columns, own, optional, unpacked=unpacked) for own, file in sources)
    return list(dict.fromkeys(filter(None, lines)))


def format_beside(pattern: str, columns: Sequence[str], data_format: DataFormat) -> DataFormat:
    """Returns what is said about a file that is read beside another one of the same command.

    Args:
      pattern, columns: as in `look_at`.
      data_format: what the user says about the other file. It holds for this one as well, unless this one is
        recognised by itself.
    """
    try:
        look_at(pattern, columns)
    except BadInputError:
        return data_format
    return data_format if "://" in pattern else DataFormat()


def is_file(pattern: str) -> bool:
    """Returns whether a pattern, not the name of a data set, stands for local files."""
    return "://" not in pattern and bool(local_files(split_layout(pattern)[1]))
