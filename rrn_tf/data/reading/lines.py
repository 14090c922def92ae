"""The places of lines in a block of text."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_NEWLINE, _RETURN = 10, 13

Lines = npt.NDArray[np.int64]


class BlockLines(NamedTuple):
    """Lines of a block.

    Attributes:
      data: the text.
      buffer: uint8[bytes], the same.
      starts, stops: int64[lines], where each line begins and where its line feed stands.
      ends: int64[lines], where it ends: before the carriage return of a CRLF.
    """

    data: bytes
    buffer: npt.NDArray[np.uint8]
    starts: Lines
    stops: Lines
    ends: Lines


def lines_of(data: bytes) -> BlockLines:
    """Finds the lines of a block, of which the last may lack its line end."""
    buffer = np.frombuffer(data, np.uint8)
    breaks = np.flatnonzero(buffer == _NEWLINE)
    stops = breaks if data.endswith(b"\n") or not data else np.append(breaks, len(data))
    starts = np.concatenate([[0], stops[:-1] + 1]) if len(stops) else stops
    ends = stops - ((stops > starts) & (buffer[stops - 1] == _RETURN))
    return BlockLines(data, buffer, starts, stops, ends)


def not_utf8(lines: BlockLines) -> list[int]:
    """Returns the numbers of lines whose bytes are not UTF-8."""
    if is_utf8(lines.data):
        return []
    others = np.unique(np.searchsorted(lines.stops, np.flatnonzero(lines.buffer >= 0x80))).tolist()
    return [line for line in others if not is_utf8(lines.data[lines.starts[line] : lines.stops[line]])]


def is_utf8(data: bytes) -> bool:
    """Returns whether bytes are text in UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
