"""Rows below a line with their item and a colon, as in the files of the Netflix Prize."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rrn_tf.data.reading.lines import BlockLines, Lines

_COLON = 58


def item_lines(lines: BlockLines) -> npt.NDArray[np.bool_]:
    """Returns which lines name an item: bool[lines]."""
    found = lines.ends > lines.starts
    found[found] = lines.buffer[lines.ends[found] - 1] == _COLON
    return found


def items_of(lines: BlockLines, items: npt.NDArray[np.bool_], rows: Lines, before: str) -> pa.Array:
    """Returns the item of each row: string[rows].

    Args:
      lines: the lines of a block.
      items: bool[lines], which of them name an item.
      rows: int64[rows], the lines that are rows.
      before: the item of rows at the begin of the block.
    """
    at = np.flatnonzero(items)
    names = [lines.data[lines.starts[k] : lines.ends[k] - 1].decode("utf-8", "replace").strip() for k in at.tolist()]
    return pa.array([before, *names], pa.string()).take(pa.array(np.searchsorted(at, rows)))


def last_item(block: bytes, before: str) -> str:
    """Returns the item of rows behind a block; `before` is that of its first rows."""
    text = b"\n" + block.replace(b"\r\n", b"\n")
    end = max(text.rfind(b":\n"), len(text) - 1 if text.endswith(b":") else -1)
    return text[text.rfind(b"\n", 0, end) + 1 : end].decode("utf-8", "replace").strip() if end > 0 else before
