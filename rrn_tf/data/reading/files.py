"""Finds the files of a pattern, and opens and decompresses them."""

from __future__ import annotations

import bz2
import contextlib
import glob
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from rrn_tf import features
from rrn_tf.data.formats import TextFormat, split_format
from rrn_tf.data.prepared import BadInputError

Opener = Callable[[str], IO[bytes]]
PARQUET = ".parquet"


def _zstandard(stream: IO[bytes]) -> IO[bytes]:
    return pa.CompressedInputStream(stream, "zstd")


def _deflated(stream: IO[bytes]) -> IO[bytes]:
    return io.BytesIO(zlib.decompress(stream.read()))


def _unzipped(stream: IO[bytes]) -> IO[bytes]:
    archive = zipfile.ZipFile(stream)
    files = [name for name in archive.namelist() if not name.endswith("/")]
    if len(files) != 1:
        raise OSError(f"expected an archive of one file, found one of {len(files)}")
    return archive.open(files[0])


# Decompressors by the suffix of a file's name. All of them raise at the end of a truncated file.
_DECOMPRESSORS: dict[str, Callable[[Any], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".lzma": lzma.open,
    ".zst": _zstandard,
    ".zstd": _zstandard,
    ".deflate": _deflated,
    ".zip": _unzipped,
}
_COMPRESSORS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": lambda path, mode: pa.CompressedOutputStream(str(path), "zstd"),
}


def open_local(file: str) -> IO[bytes]:
    """Opens a local file without decompressing it."""
    return open(file, "rb")


def is_parquet(file: str) -> bool:
    """Returns whether a file is Parquet, by its suffix."""
    return file.endswith(PARQUET)


def is_compressed(file: str) -> bool:
    """Returns whether a file is compressed, by its suffix."""
    return os.path.splitext(file)[1].lower() in _DECOMPRESSORS


def decompressed(file: str, stream: IO[bytes]) -> IO[bytes]:
    """Decompresses a stream as the suffix of the file's name requires, if at all."""
    decompressor = _DECOMPRESSORS.get(os.path.splitext(file)[1].lower())
    return stream if decompressor is None else decompressor(stream)


def open_output(path: Path) -> IO[bytes]:
    """Opens a file for writing, compressed as its suffix requires; creates its directory.

    Raises:
      BadInputError: for a suffix of a format that cannot be written.
    """
    kind = path.suffix.lower()
    if kind in (PARQUET, ".zip"):
        raise BadInputError(f"{path}: expected the name of a CSV file, plain or compressed, found {kind}")
    path.parent.mkdir(parents=True, exist_ok=True)
    return _COMPRESSORS.get(kind, open)(path, "wb")


@contextlib.contextmanager
def readable(file: str) -> Iterator[None]:
    """Turns errors about a file inside the context into a `BadInputError` of one line."""
    try:
        yield
    except EOFError:
        raise BadInputError(f"{file}: expected a whole compressed file, found one that is cut short") from None
    except (OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException) as error:
        raise BadInputError(f"{file}: not readable: {str(error).splitlines()[0]}") from error


def find_sources(
    patterns: Sequence[str], columns: Sequence[str], match: Callable[[str], list[str]] | None = None
) -> list[tuple[TextFormat | None, str]]:
    """Returns the files that match, sorted, each with its format.

    Args:
      patterns: files and globs, optionally after the name of a format and a colon.
      columns: the columns to read.
      match: a function that returns the files of one pattern; by default local ones.

    Raises:
      BadInputError: for a pattern without a file, or a format without a required column.
    """
    found: dict[str, TextFormat | None] = {}
    for pattern in patterns:
        text_format, path = split_format(str(pattern))
        if text_format is not None and not set(columns) <= set(text_format.fields):
            fields = ",".join(field for field in text_format.fields if field)
            raise BadInputError(f"{pattern}: expected columns {','.join(columns)}, found {fields}")
        files = (match or local_files)(path)
        if not files:
            raise BadInputError(f"{path}: expected {what_is_read(columns)}, found no such file")
        found |= dict.fromkeys(files, text_format)
    return [(found[file], file) for file in sorted(found)]


def local_files(pattern: str) -> list[str]:
    """Returns the files that match as in a shell: without hidden ones, and relative to the working directory."""
    if os.path.isfile(pattern):
        return [pattern]  # brackets in the name of an existing file are not a glob
    every = f"{pattern}*" if pattern.endswith("/") else pattern
    found = [path for path in glob.glob(every, recursive=True) if not os.path.isdir(path)]
    return found or ([pattern] if os.path.exists(pattern) else [])


def what_is_read(columns: Sequence[str]) -> str:
    """Returns the plural noun for rows with these columns, for messages."""
    return "ratings" if features.RATING in columns else "events" if features.ITEM_ID in columns else "users"
