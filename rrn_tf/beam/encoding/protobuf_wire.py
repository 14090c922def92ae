"""Encodes many `tf.Example`s or `tf.train.SequenceExample`s at once as protocol-buffer bytes.

The protobuf API takes microseconds for each message of a row or an entity; here numpy and Arrow encode a whole shard.
*Pieces* are an Arrow binary array with one element for each message or part of one: parts are joined element by
element, and repeated fields are merged by dropping offsets, without a copy.
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
    """Encodes each integer as a base-128 varint; a negative one takes ten bytes.

    Args:
      values: integers[N], at most 64 bits.

    Returns:
      Pieces [N].
    """
    unsigned = _unsigned(values)
    sizes = _varint_sizes(unsigned)
    width = int(sizes.max(initial=1))
    if width == 1:
        return _pieces(unsigned.astype(np.uint8), np.arange(len(unsigned) + 1))
    digits = np.empty((len(unsigned), width), np.uint8)
    for place in range(width):
        more = (sizes > place + 1).view(np.uint8) << 7
        digits[:, place] = (unsigned >> unsigned.dtype.type(7 * place)).astype(np.uint8) & 0x7F | more
    if sizes.min() == width:
        return _pieces(digits.ravel(), np.arange(0, digits.size + 1, width))
    used = np.arange(width, dtype=np.uint8) < sizes[:, None]
    return _pieces(digits[used], np.concatenate([[0], np.cumsum(sizes, dtype=np.int32)]))


def floats(values: npt.NDArray[np.floating]) -> pa.BinaryArray:
    """Encodes each number as a little-endian float32: pieces [N]."""
    raw = np.ascontiguousarray(values, dtype="<f4")
    return _pieces(raw.view(np.uint8), np.arange(0, raw.nbytes + 1, 4))


def strings(values: pa.Array | Sequence[str]) -> pa.BinaryArray:
    """Encodes each text as UTF-8 bytes: pieces [N]."""
    return (values if isinstance(values, pa.Array) else pa.array(values, pa.string())).cast(pa.binary())


def merge(pieces: pa.Array, splits: Integers) -> pa.BinaryArray:
    """Concatenates consecutive pieces: element k of the result holds pieces ``splits[k] : splits[k + 1]``."""
    return pa.Array.from_buffers(
        pa.binary(), len(splits) - 1, [None, pa.py_buffer(_offsets(pieces)[splits]), pieces.buffers()[2]]
    )


def join(*pieces: pa.Array | bytes) -> pa.BinaryArray:
    """Concatenates element by element; an argument of bytes is repeated for every element."""
    return pc.binary_join_element_wise(*(pa.scalar(p) if isinstance(p, bytes) else p for p in pieces), b"")


def feature(kind: int, values: pa.Array) -> pa.BinaryArray:
    """Encodes `Feature` messages.

    Args:
      kind: `BYTES_LIST`, `FLOAT_LIST` or `INT64_LIST`.
      values: pieces with the packed numbers of each feature, or with its single bytes value.
    """
    return _nested(values, kind, _VALUE)


def feature_list(kind: int, values: pa.Array, splits: Integers) -> pa.BinaryArray:
    """Encodes `FeatureList` messages; list k holds features ``splits[k] : splits[k + 1]``, given as in `feature`."""
    return merge(_nested(values, _FEATURE, kind, _VALUE), splits)


def example(features: Mapping[str, pa.Array]) -> pa.BinaryArray:
    """Encodes `Example` messages from `Feature` messages by name (all of one length)."""
    return _nested(_map_message(features), _FIELD_1)


def sequence_example(context: Mapping[str, pa.Array], feature_lists: Mapping[str, pa.Array]) -> pa.BinaryArray:
    """Encodes `SequenceExample` messages from `Feature` and `FeatureList` messages by name (all of one length)."""
    return join(_nested(_map_message(context), _CONTEXT), _nested(_map_message(feature_lists), _FEATURE_LISTS))


def _map_message(values: Mapping[str, pa.Array]) -> pa.BinaryArray:
    """Encodes messages with a map from names to the given messages as field 1, in order of the names."""
    return join(*(_map_entry(name.encode(), values[name]) for name in sorted(values)))


def _map_entry(name: bytes, value: pa.Array) -> pa.BinaryArray:
    key = bytes([_KEY, len(name)]) + name
    sizes = _lengths(value)
    entry = sizes + (len(key) + 1 + _varint_sizes(sizes.view(np.uint32)))
    return join(_headers([(_FIELD_1, entry)]), key, _headers([(_MAP_VALUE, sizes)]), value)


def _nested(payload: pa.Array, *tags: int) -> pa.BinaryArray:
    """Wraps each piece in length-delimited fields, the outermost tag first."""
    fields: list[tuple[int, Integers]] = []
    sizes = _lengths(payload)
    for tag in reversed(tags):
        fields.insert(0, (tag, sizes))
        sizes = sizes + (1 + _varint_sizes(sizes.view(np.uint32)))
    return join(_headers(fields), payload)


def _headers(fields: Sequence[tuple[int, Integers]]) -> pa.BinaryArray:
    """Encodes tags and lengths of nested fields, the outermost first: one piece for each element."""
    width = 2 * len(fields)
    values = np.empty((len(fields[0][1]), width), np.uint8)
    for column, (tag, sizes) in enumerate(fields):
        values[:, 2 * column] = tag
        values[:, 2 * column + 1] = sizes.astype(np.uint8)
    short = _pieces(values.ravel(), np.arange(0, values.size + 1, width))
    long = np.flatnonzero(fields[0][1] > 0x7F)
    if not len(long):
        return short
    # Few elements have lengths of two bytes or more: their headers are encoded apart and then put in place.
    exact = np.stack([part for tag, sizes in fields for part in (np.full(len(long), tag, np.int32), sizes[long])], 1)
    made = merge(varints(exact.ravel()), np.arange(0, exact.size + 1, width))
    order = np.arange(len(values))
    order[long] = len(values) + np.arange(len(long))
    return pa.concat_arrays([short, made]).take(pa.array(order))


def _unsigned(values: Integers) -> npt.NDArray[np.unsignedinteger]:
    """Converts to 64-bit two's complement, or to uint32 if that holds all values."""
    if values.dtype.kind == "u":
        return np.ascontiguousarray(values)
    least, most = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    if least >= 0 and most < 1 << 32:
        return values.astype(np.uint32)
    return np.ascontiguousarray(values, np.int64).view(np.uint64)


def _varint_sizes(unsigned: npt.NDArray[np.unsignedinteger]) -> npt.NDArray[np.uint8]:
    sizes = np.ones(len(unsigned), np.uint8)
    largest = int(unsigned.max(initial=0))
    for bits in range(7, 64, 7):
        if largest >> bits == 0:
            break
        sizes += unsigned >= unsigned.dtype.type(1 << bits)
    return sizes


def _lengths(pieces: pa.Array) -> npt.NDArray[np.int32]:
    return np.diff(_offsets(pieces))


def _offsets(pieces: pa.Array) -> npt.NDArray[np.int32]:
    return np.frombuffer(pieces.buffers()[1], np.int32)[pieces.offset : pieces.offset + len(pieces) + 1]


def _pieces(data: npt.NDArray[np.uint8], offsets: Integers) -> pa.BinaryArray:
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)
