"""Opens text as UTF-8 with line feeds, whatever it is in the file, and looks at its beginning."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import IO, NamedTuple

import pyarrow as pa

from rrn_tf.data.reading.files import decompressed

HEAD_BYTES = 1 << 16
_UTF8 = b"\xef\xbb\xbf"
# The marks of other encodings; that of UTF-32 begins as that of UTF-16.
_WIDE = {b"\xff\xfe\0\0": "utf-32-le", b"\0\0\xfe\xff": "utf-32-be", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


class TextStream(NamedTuple):
    """Text to read.

    Attributes:
      head: the first bytes, without a byte order mark; all of them if there are few.
      whole: whether the head is all there is.
      start: number of bytes before the head.
      rest: the stream behind the head.
      altered: whether the text is not byte for byte that of the file, so that no block can be read at its offset.
      old_ends: whether lines end with a carriage return alone, which becomes a line feed.
    """

    head: bytes
    whole: bool
    start: int
    rest: IO[bytes]
    altered: bool
    old_ends: bool

    def chunks(self, size: int) -> Iterator[bytes]:
        """Yields the text in pieces of `size` bytes, the last one shorter."""
        held = self.head
        while True:
            if len(held) < size:
                held += self._modern(_read(self.rest, size - len(held)))
            if not held:
                return
            yield held[:size]
            held = held[size:]

    def _modern(self, data: bytes) -> bytes:
        return data.replace(b"\r", b"\n") if self.old_ends else data


@contextlib.contextmanager
def text_stream(file: str, stream: IO[bytes]) -> Iterator[TextStream]:
    """Opens the text of a file, plain or compressed.

    Args:
      file: path of the file, whose suffix may say how it is compressed.
      stream: its bytes.
    """
    with decompressed(file, stream) as text:
        altered, source = text is not stream, text
        head = _read(text, HEAD_BYTES)
        if encoding := _wide(head):
            altered = True
            source = pa.transcoding_input_stream(pa.PythonFile(_Joined(head, text), mode="r"), encoding, "utf-8")
            head = _read(source, HEAD_BYTES)
        whole = len(head) < HEAD_BYTES
        start = len(_UTF8) if head.startswith(_UTF8) else 0
        old_ends = b"\r" in head and b"\n" not in head and (not whole or head.rstrip(b"\r").count(b"\r") > 0)
        head = head[start:].replace(b"\r", b"\n") if old_ends else head[start:]
        yield TextStream(head, whole, start, source, altered or old_ends, old_ends)


def _wide(head: bytes) -> str:
    """Returns the encoding of a text of two or four bytes a character, by its mark or its zeros; else nothing."""
    for mark, encoding in _WIDE.items():
        if head.startswith(mark):
            return encoding
    sample = head[:200]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if len(sample) >= 8 and max(even, odd) > 0.9 * (len(sample) // 2) and min(even, odd) == 0:
        return "utf-16-le" if odd > even else "utf-16-be"
    return ""


def _read(stream: IO[bytes], size: int) -> bytes:
    """Reads `size` bytes, fewer only at the end."""
    data = stream.read(size)
    while data and len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data


class _Joined(io.RawIOBase):
    """A stream of bytes that were read already, then of the others."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        super().__init__()
        self._head, self._rest = io.BytesIO(head), rest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._head.read(size) or self._rest.read(size)
