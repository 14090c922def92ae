"""Writes TFRecord files without TensorFlow, since its import takes longer than preparing a small data set."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable

from rrn_tf.beam.reading.files import replacing


def _checksum_function() -> Callable[[bytes], int]:
    try:
        import google_crc32c

        return google_crc32c.value
    except ImportError:
        from crcmod.predefined import mkPredefinedCrcFun

        return mkPredefinedCrcFun("crc-32c")


_crc32c = _checksum_function()


def _masked(data: bytes) -> bytes:
    crc = _crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def write_tfrecords(path: str, records: Iterable[bytes]) -> None:
    """Writes a TFRecord file, which appears only once it is complete.

    Args:
      path: path on the local or any file system that Beam supports.
      records: serialized messages.
    """
    with replacing(path) as file:
        for record in records:
            length = struct.pack("<Q", len(record))
            file.write(b"".join((length, _masked(length), record, _masked(record))))
