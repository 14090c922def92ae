"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A file to write that takes the place of `path` only once it is complete; missing directories are made.

    Files of Beam, which may be remote, are written by `rrn_tf.beam.reading.files.replacing`.
    """
    if path.exists() and not path.is_file():  # a device or a pipe, which nothing can replace
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process's number: others may write the same file. Its ending, by which pandas chooses a compression, stays.
    draft = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Writes a file completely or not at all, so that an interruption leaves no partial file."""
    with written_whole(path) as draft:
        draft.write_text(text)
