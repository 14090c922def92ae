"""The content of the files that a run was prepared from, by which resuming notices that they have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rrn_tf.checksums import digest_of
from rrn_tf.data.layouts import split_layout
from rrn_tf.data.reading.files import local_files

SIZE, MODIFIED, DIGEST = "bytes", "modified_ns", "blake2b"

Content = dict[str, dict[str, Any]]


def content_of(patterns: Iterable[str | None]) -> Content:
    """Returns the size, the time of modification and a digest of each file that matches, by its path.

    Args:
      patterns: files and globs as in `rrn_tf.data.reading.files.find_sources`; remote ones have no content here.
    """
    return {file: {**_times(file), DIGEST: _digest(file)} for file in _files(patterns)}


def changed_file(patterns: Iterable[str | None], before: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Returns a file that is new, gone or has other content than before; None if all is as it was.

    A file of the same size and time of modification is taken for unchanged, so that large files need not be read.

    Args:
      patterns: as in `content_of`.
      before: what `content_of` returned.
    """
    files = _files(patterns)
    if others := set(files) ^ set(before):
        return min(others)
    for file, was in before.items():
        now = _times(file)
        if any(now[name] != was[name] for name in now) and (now[SIZE] != was[SIZE] or _digest(file) != was[DIGEST]):
            return file
    return None


def _files(patterns: Iterable[str | None]) -> list[str]:
    local = [pattern for pattern in patterns if pattern is not None and "://" not in pattern]
    return sorted({file for pattern in local for file in local_files(split_layout(pattern)[1])})


def _times(file: str) -> dict[str, int]:
    about = Path(file).stat()
    return {SIZE: about.st_size, MODIFIED: about.st_mtime_ns}


def _digest(file: str) -> str:
    return digest_of(file, hashlib.blake2b(digest_size=16))
