"""Formats tables as text, with the first column aligned to the left and the others to the right."""

from __future__ import annotations

from collections.abc import Sequence


def aligned_text(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Formats a table as aligned plain text, for logs and any terminal."""
    cells = [headings, *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(pairs))
        for pairs in (tuple(zip(line, widths, strict=True)) for line in cells)
    )
    return "\n".join(line.rstrip() for line in lines)


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Formats a Markdown table."""
    lines = [headings, ("---", *["---:"] * (len(headings) - 1)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
