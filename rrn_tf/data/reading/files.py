"""Finds the files of a pattern, and opens and decompresses them."""

from __future__ import annotations

import bz2
import contextlib
import dataclasses
import difflib
import glob
import gzip
import inspect
import io
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from rrn_tf import features
from rrn_tf.data.layouts import LAYOUTS, split_layout
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data_format import DataFormat

Opener = Callable[[str], IO[bytes]]
Source = tuple[DataFormat, str]  # a file and what is said about its format
PARQUET = ".parquet"
# Options of every reader of Parquet: checksums of pages, where a file has them, are compared, if this Arrow can.
CHECKED_PAGES: dict[str, Any] = (
    {"page_checksum_verification": True}
    if "page_checksum_verification" in inspect.signature(pq.read_table).parameters
    else {}
)
_BLOCK = 1 << 16  # bytes read at once from a zlib stream


def _zstandard(stream: IO[bytes]) -> IO[bytes]:
    return pa.CompressedInputStream(stream, "zstd")


class _Deflated(io.RawIOBase):
    """A zlib stream that is decompressed as it is read: a small file may hold more than memory."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream, self._of = stream, zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        while len(view) and not self._of.eof:
            block = self._of.unconsumed_tail or self._stream.read(_BLOCK)
            part = self._of.decompress(block, len(view))
            if part:
                view[: len(part)] = part
                return len(part)
            if not block:
                raise EOFError
        return 0


def _deflated(stream: IO[bytes]) -> IO[bytes]:
    return io.BufferedReader(_Deflated(stream), _BLOCK)


def _unzipped(stream: IO[bytes]) -> IO[bytes]:
    try:
        archive = zipfile.ZipFile(stream)
        # Archives made on a Mac hold a hidden companion of each file.
        files = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
        if len(files) != 1:
            found = ", ".join(sorted(files)[:3]) or "none"
            raise OSError(f"expected an archive of one file, found one of {len(files)} ({found}): unpack it")
        return archive.open(files[0])
    except RuntimeError:  # NotImplementedError is one
        raise OSError("the archive is encrypted, or packed in a way that is not known: unpack it") from None
    except (ValueError, struct.error):
        raise OSError("expected a ZIP archive, found a damaged one") from None


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
# First bytes of compressed files, which need not be named so.
_MAGIC: dict[bytes, str] = {
    b"\x1f\x8b\x08": ".gz",
    b"BZh": ".bz2",
    b"\xfd7zXZ\0": ".xz",
    b"\x28\xb5\x2f\xfd": ".zst",
    b"PK\x03\x04": ".zip",
}
_PARQUET_MAGIC = b"PAR1"
_COMPRESSORS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": lambda path, mode: pa.CompressedOutputStream(str(path), "zstd"),
}


def open_local(file: str) -> IO[bytes]:
    """Opens a local file without decompressing it."""
    return open(file, "rb")


def named_parquet(file: str) -> bool:
    """Returns whether a file is named as Parquet files are."""
    return file.lower().endswith(PARQUET)


def is_parquet(file: str, stream: IO[bytes]) -> bool:
    """Returns whether a file is Parquet, by its suffix or its first bytes."""
    return named_parquet(file) or _begins(stream) == _PARQUET_MAGIC


def decompressed(file: str, stream: IO[bytes]) -> IO[bytes]:
    """Decompresses a stream as the suffix of the file's name or its first bytes require, if at all."""
    kind = os.path.splitext(file)[1].lower()
    if kind not in _DECOMPRESSORS:
        begin = _begins(stream, 10)
        kind = next((kind for magic, kind in _MAGIC.items() if begin.startswith(magic)), "")
        if kind == ".bz2" and begin[4:] != b"1AY&SY":  # letters and digits, as in text
            kind = ""
    decompressor = _DECOMPRESSORS.get(kind)
    return stream if decompressor is None else decompressor(stream)


def _begins(stream: IO[bytes], size: int = 4) -> bytes:
    begin = stream.read(size)
    stream.seek(0)
    return begin


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
    except (OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, pa.ArrowException, UnicodeError) as error:
        raise BadInputError(f"{file}: not readable: {str(error).splitlines()[0]}") from error


def find_sources(
    patterns: Sequence[str],
    columns: Sequence[str],
    match: Callable[[str], list[str]] | None = None,
    data_format: DataFormat | None = None,
) -> list[Source]:
    """Returns the files that match, sorted, each with what is said about its format.

    Args:
      patterns: files and globs, optionally after the name of a layout and a colon.
      columns: the columns to read.
      match: a function that returns the files of one pattern; by default local ones.
      data_format: what is said about all of them.

    Raises:
      BadInputError: for a pattern without a file, an unknown layout, or one without a required column.
    """
    found: dict[str, DataFormat] = {}
    for pattern in patterns:
        name, path = split_layout(str(pattern))
        chosen = data_format or DataFormat()
        chosen = dataclasses.replace(chosen, name=name) if name else chosen
        files = (match or local_files)(path)
        if not files:
            raise BadInputError(f"{path}: expected {what_is_read(columns)}, found no such file")
        _check_layout(str(pattern), chosen.name, columns)
        found |= dict.fromkeys(files, chosen)
    return [(found[file], file) for file in sorted(found)]


def _check_layout(pattern: str, name: str, columns: Sequence[str]) -> None:
    if not name:
        return
    if name not in LAYOUTS:
        near = difflib.get_close_matches(name, LAYOUTS, 1)
        meant = f" (did you mean {near[0]}?)" if near else f": one of {', '.join(sorted(LAYOUTS))}"
        raise BadInputError(f"--format {name}: expected the name of a layout{meant}")
    layout = LAYOUTS[name]
    if layout.refused:
        raise BadInputError(f"{pattern}: a {layout.title} file cannot be used: {layout.refused}")
    if not set(columns) <= set(layout.columns):
        there = ",".join(sorted(layout.columns, key=lambda of: layout.columns[of]))
        raise BadInputError(f"{pattern}: expected columns {','.join(columns)}, found {there}")


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
