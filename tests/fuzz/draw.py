"""Turns bytes into requests: ids, times and ratings, tensors of odd shapes, and whatever Python may be given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import tensorflow as tf

Value = TypeVar("Value")
INT64 = (0, -1, 1, 1_400_000_000, 1_400_086_400, 2_000_000_000, 2**31, 2**35 + 1, -(2**63), 2**63 - 1, 253_402_300_800)
FLOATS = (5.0, 1.0, 3.0, float("nan"), float("inf"), float("-inf"), 3e38, -3e38, -1e-45, 0.0, 1e12, 16_777_217.0)
INT32 = (0, 1, 3, 10, -1, 2**31 - 1, -(2**31))
ODD_IDS = (b"", b" ", b"\x00", b"\xff\xfe", b"U1", b"x" * 5_000, b"u1 ", b"u1\n", "ü".encode(), b"nan")
ODD = (
    None,
    float("nan"),
    float("inf"),
    1.5,
    True,
    b"bytes",
    "",
    " ",
    "u1",
    "2005-12-01",
    "31/12/2005",
    "nan",
    "1e400",
    10**30,
    -(10**30),
    2**63,
    1_400_000_000.0,
    np.int8(-1),
    np.uint64(2**64 - 1),
    np.datetime64("NaT"),
    np.datetime64("9999-12-31"),
    np.timedelta64(1, "s"),
    pd.NaT,
    pd.NA,
    pd.Timestamp("2014-05-05", tz="Asia/Tokyo"),
    dt.date(2014, 5, 5),
    dt.datetime(1, 1, 1),
    1j,
    [],
    ["u1"],
    {},
    "\ud800",
)


class Draw:
    """Values from bytes, one after another; 0 after the last."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def number(self, below: int) -> int:
        """A number of one byte."""
        first, self._left = self._left[:1], self._left[1:]
        return (first[0] if first else 0) % below

    def of(self, values: Sequence[Value]) -> Value:
        """One of some values."""
        return values[self.number(len(values))]

    def taken(self, count: int) -> bytes:
        """So many bytes."""
        found, self._left = self._left[:count], self._left[count:]
        return found.ljust(count, b"\x00")

    def int64(self) -> int:
        """An odd number or any."""
        return self.of(INT64) if self.number(4) else int.from_bytes(self.taken(8), "little", signed=True)

    def float32(self) -> float:
        """An odd number or any."""
        return self.of(FLOATS) if self.number(4) else float(np.frombuffer(self.taken(4), np.float32)[0])

    def name(self, known: Sequence[bytes]) -> bytes:
        """A known id, an odd one or any bytes."""
        kind = self.number(8)
        return self.of(known) if kind < 5 else self.of(ODD_IDS) if kind < 7 else self.taken(self.number(9))

    def names(self, known: Sequence[bytes], most: int = 6) -> list[bytes]:
        """Some ids."""
        return [self.name(known) for _ in range(self.number(most))]

    def tensor(self, spec: tf.TensorSpec, rows: int, known: Sequence[bytes]) -> tf.Tensor:
        """A tensor for an input: mostly of its type and with as many rows, else of another type, rank or size."""
        kind = spec.dtype if self.number(16) else self.of((tf.string, tf.int64, tf.float32, tf.int32, tf.float64))
        rank = spec.shape.rank if self.number(16) else self.number(4)
        shape = [rows if self.number(8) else self.number(5), *(self.number(4) for _ in range(3))][:rank]
        count = int(np.prod(shape))
        if kind == tf.string:
            values: list[Any] = [self.name(known) for _ in range(count)]
        elif kind.is_floating:
            values = [self.float32() for _ in range(count)]
        else:
            values = [self.int64() if kind == tf.int64 else self.of(INT32) for _ in range(count)]
        if kind == tf.bool:
            values = [bool(value) for value in values]
        return tf.constant(values, kind, shape)

    def value(self, usual: Value) -> Any:
        """A usual value or an odd one."""
        return usual if self.number(4) else self.of(ODD)

    def column(self, usual: Sequence[Any]) -> Any:
        """Values of a request from Python, in one of the containers that may hold them."""
        values = [self.value(value) for value in usual]
        if self.number(16) == 1:
            return self.of(ODD)
        match self.number(4):
            case 1:
                return pd.Series(values, dtype=object)
            case 2:
                array = np.empty(len(values), object)
                array[:] = values
                return array
            case 3:
                try:
                    return np.asarray(values)
                except ValueError:  # of different lengths
                    return values
            case _:
                return values
