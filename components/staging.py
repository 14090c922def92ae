"""Copies artifacts to and from local folders, for code that cannot read buckets, such as NumPy and pathlib."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfx.dsl.io import fileio
from tfx.utils import io_utils


@contextmanager
def local_input(uri: str) -> Iterator[Path]:
    """Yields a local folder with the contents of `uri`: the same folder if it is local, else a temporary copy."""
    if "://" not in uri:
        yield Path(uri)
        return
    with tempfile.TemporaryDirectory() as folder:
        io_utils.copy_dir(uri, folder)
        yield Path(folder)


@contextmanager
def local_file(uri: str) -> Iterator[Path]:
    """Yields a local file with the content of `uri`: the same file if it is local, else a temporary copy."""
    if "://" not in uri:
        yield Path(uri)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, uri.rpartition("/")[2])
        fileio.copy(uri, str(file))
        yield file


@contextmanager
def local_output(uri: str) -> Iterator[Path]:
    """Yields a local folder, and copies its contents to `uri` after the block, unless that raises an exception."""
    if "://" not in uri:
        fileio.makedirs(uri)
        yield Path(uri)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
        io_utils.copy_dir(folder, uri)
