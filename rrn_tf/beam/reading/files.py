"""Files written whole or not at all, on any file system that Beam knows."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import IO

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems


@contextlib.contextmanager
def replacing(path: str) -> Iterator[IO[bytes]]:
    """Opens a file for writing that takes its name, and the place of an older one, only once it is complete.

    Args:
      path: local or remote; missing directories are made.
    """
    folder, name = FileSystems.split(path)
    make_directory(folder)
    # The leading dot hides the file from patterns that look for finished ones.
    partial = FileSystems.join(folder, f".{name}.{uuid.uuid4().hex}.partial")
    try:
        with FileSystems.create(partial, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            yield file
        FileSystems.rename([partial], [path])
    except BaseException:
        remove(partial)
        raise


def make_directory(path: str) -> None:
    """Makes a directory where there is none."""
    if path and not FileSystems.exists(path):
        # Another worker may have made it just now.
        with contextlib.suppress(Exception):
            FileSystems.mkdirs(path)


def remove(path: str) -> None:
    """Removes a file where there is one."""
    with contextlib.suppress(Exception):
        FileSystems.delete([path])
