"""Protocol-buffer bytes of many `tf.Example`s or `tf.train.SequenceExample`s at once.

One message a row or an entity through the protobuf API costs microseconds each; here a whole shard is encoded by
numpy and Arrow. *Pieces* are an Arrow binary array with one element a message or part of one:
parts are joined element by element, and repeated fields are merged by dropping offsets, without a copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Integers = npt.NDArray[np.integer]

# Tags (field number * 8 + 2, length-delimited) of tensorflow/core/example/{feature,example}.proto.
_FIELD_1, _FIELD_2, _FIELD_3 = 0x0A, 0x12, 0x1A
BYTES_LIST, FLOAT_LIST, INT64_LIST = _FIELD_1, _FIELD_2, _FIELD_3
_VALUE = _FEATURE = _KEY = _CONTEXT = _FIELD_1
_MAP_VALUE = _FEATURE_LISTS = _FIELD_2


def varints(values: Integers) -> pa.BinaryArray:
    """Each integer as a base-128 varint; a negative one takes ten bytes.

    Args:
      values: integers[N], at most 64 bits.

    Returns:
      Pieces [N].
    """
    unsigned = np.ascontiguousarray(values).astype(np.int64, copy=False).view(np.uint64)
    sizes = _varint_sizes(unsigned)
    width = int(sizes.max(initial=1))
    if width == 1:
        return _pieces(unsigned.astype(np.uint8), np.arange(len(unsigned) + 1))
    digits = np.empty((len(unsigned), width), np.uint8)
    for place in range(width):
        more = (sizes > place + 1).view(np.uint8) << 7
        digits[:, place] = (unsigned >> np.uint64(7 * place)).astype(np.uint8) & 0x7F | more
    used = np.arange(width) < sizes[:, None]
    return _pieces(digits[used], np.concatenate([[0], np.cumsum(sizes)]))


def floats(values: npt.NDArray[np.floating]) -> pa.BinaryArray:
    """Each number as a little-endian float32: pieces [N]."""
    raw = np.ascontiguousarray(values, dtype="<f4")
    return _pieces(raw.view(np.uint8), np.arange(0, raw.nbytes + 1, 4))


def strings(values: pa.Array | Sequence[str]) -> pa.BinaryArray:
    """Each text as its UTF-8 bytes: pieces [N]."""
    return (values if isinstance(values, pa.Array) else pa.array(values, pa.string())).cast(pa.binary())


def merge(pieces: pa.Array, splits: Integers) -> pa.BinaryArray:
    """Concatenates neighbours: element k of the result holds pieces ``splits[k] : splits[k + 1]``."""
    return pa.Array.from_buffers(
        pa.binary(), len(splits) - 1, [None, pa.py_buffer(_offsets(pieces)[splits]), pieces.buffers()[2]]
    )


def join(*pieces: pa.Array | bytes) -> pa.BinaryArray:
    """Concatenates element by element; bytes are the same for every element."""
    return pc.binary_join_element_wise(*(pa.scalar(p) if isinstance(p, bytes) else p for p in pieces), b"")


def feature(kind: int, values: pa.Array) -> pa.BinaryArray:
    """`Feature` messages.

    Args:
      kind: `BYTES_LIST`, `FLOAT_LIST` or `INT64_LIST`.
      values: pieces; the packed numbers of each feature, or its one bytes value.
    """
    return _nested(values, kind, _VALUE)


def feature_list(kind: int, values: pa.Array, splits: Integers) -> pa.BinaryArray:
    """`FeatureList` messages; list k holds features ``splits[k] : splits[k + 1]``, given as in `feature`."""
    return merge(_nested(values, _FEATURE, kind, _VALUE), splits)


def example(features: Mapping[str, pa.Array]) -> pa.BinaryArray:
    """`Example` messages of `Feature` messages by name (all of one length)."""
    return _nested(_map_message(features), _FIELD_1)


def sequence_example(context: Mapping[str, pa.Array], feature_lists: Mapping[str, pa.Array]) -> pa.BinaryArray:
    """`SequenceExample` messages of `Feature` and `FeatureList` messages by name (all of one length)."""
    return join(_nested(_map_message(context), _CONTEXT), _nested(_map_message(feature_lists), _FEATURE_LISTS))


def _map_message(values: Mapping[str, pa.Array]) -> pa.BinaryArray:
    """Messages whose field 1 is a map from a name to the given messages, in order of the names."""
    return join(*(_map_entry(name.encode(), values[name]) for name in sorted(values)))


def _map_entry(name: bytes, value: pa.Array) -> pa.BinaryArray:
    key = bytes([_KEY, len(name)]) + name
    sizes = _lengths(value)
    entry = len(key) + 1 + _varint_sizes(sizes.view(np.uint64)) + sizes
    return join(_headers([(_FIELD_1, entry)]), key, _headers([(_MAP_VALUE, sizes)]), value)


def _nested(payload: pa.Array, *tags: int) -> pa.BinaryArray:
    """Wraps each piece in length-delimited fields, the outermost tag first."""
    headers: list[tuple[int, npt.NDArray[np.int64]]] = []
    sizes = _lengths(payload)
    for tag in reversed(tags):
        headers.insert(0, (tag, sizes))
        sizes = 1 + _varint_sizes(sizes.view(np.uint64)) + sizes
    return join(_headers(headers), payload)


def _headers(fields: Sequence[tuple[int, npt.NDArray[np.int64]]]) -> pa.BinaryArray:
    """Tag and length of several fields that open one after the other: pieces, one an element."""
    values = np.empty((len(fields[0][1]), 2 * len(fields)), np.int64)
    for column, (tag, sizes) in enumerate(fields):
        values[:, 2 * column] = tag
        values[:, 2 * column + 1] = sizes
    return merge(varints(values.ravel()), np.arange(0, values.size + 1, values.shape[1]))


def _varint_sizes(unsigned: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    sizes = np.ones(len(unsigned), np.int64)
    largest = int(unsigned.max(initial=0))
    for bits in range(7, 64, 7):
        if largest >> bits == 0:
            break
        sizes += unsigned >= np.uint64(1 << bits)
    return sizes


def _lengths(pieces: pa.Array) -> npt.NDArray[np.int64]:
    return np.diff(_offsets(pieces)).astype(np.int64)


def _offsets(pieces: pa.Array) -> npt.NDArray[np.int32]:
    return np.frombuffer(pieces.buffers()[1], np.int32)[pieces.offset : pieces.offset + len(pieces) + 1]


def _pieces(data: npt.NDArray[np.uint8], offsets: Integers) -> pa.BinaryArray:
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)
