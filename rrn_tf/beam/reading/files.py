"""Writes files completely or not at all, on any file system that Beam supports."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import IO

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems


@contextlib.contextmanager
def replacing(path: str) -> Iterator[IO[bytes]]:
    """Opens a file for writing under another name; it gets its name, and replaces an older file, when it is complete.

    Args:
      path: a local or remote path; missing directories are created.
    """
    folder, name = FileSystems.split(path)
    make_directory(folder)
    # The leading dot hides the file from patterns for finished files.
    partial = FileSystems.join(folder, f".{name}.{uuid.uuid4().hex}.partial")
    try:
        with FileSystems.create(partial, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            yield file
        FileSystems.rename([partial], [path])
    except BaseException:
        remove(partial)
        raise


def make_directory(path: str) -> None:
    """Creates a directory unless it exists."""
    if path and not FileSystems.exists(path):
        # Another worker may have created it in the meantime.
        with contextlib.suppress(Exception):
            FileSystems.mkdirs(path)


def remove(path: str) -> None:
    """Removes a file if it exists."""
    with contextlib.suppress(Exception):
        FileSystems.delete([path])
