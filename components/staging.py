"""Artifacts as local folders: TensorFlow and TFX read buckets, NumPy and pathlib do not."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfx.dsl.io import fileio
from tfx.utils import io_utils


@contextmanager
def local_input(uri: str) -> Iterator[Path]:
    """A local folder with the contents of `uri`: itself where it is local, else a temporary copy."""
    if "://" not in uri:
        yield Path(uri)
        return
    with tempfile.TemporaryDirectory() as folder:
        io_utils.copy_dir(uri, folder)
        yield Path(folder)


@contextmanager
def local_output(uri: str) -> Iterator[Path]:
    """A local folder whose contents are at `uri` afterwards, unless an exception leaves the block."""
    if "://" not in uri:
        fileio.makedirs(uri)
        yield Path(uri)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
        io_utils.copy_dir(folder, uri)
