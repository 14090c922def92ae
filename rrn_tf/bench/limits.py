"""Measures the machine's highest rates of arithmetic and of memory traffic."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from rrn_tf.bench.work import Work

_GEMM = 2_048
_FLOATS = 1 << 27
_REPEATS = 20


class MachineLimits(NamedTuple):
    """Rates that no training step can exceed.

    Attributes:
      flops: FLOP/s of a product of two square float32 matrices of size 2048.
      bandwidth: bytes/s, read and written, when an array of 512 MiB is added to another in place.
    """

    flops: float
    bandwidth: float

    def seconds(self, work: Work) -> tuple[float, float]:
        """Computes the seconds of a phase's arithmetic and of its memory traffic.

        Their sum is the limit: TensorFlow's operations read their inputs, compute, and write their outputs in sequence,
        so that the two hardly overlap.
        """
        return work.flops / self.flops, work.bytes / self.bandwidth


def measure_limits() -> MachineLimits:
    """Measures the rates of TensorFlow's default device on all cores, the best of 20 runs each; needs 1 GiB."""
    array = tf.Variable(tf.zeros([_FLOATS]))
    other = tf.ones([_FLOATS])
    # Both arrays are read and one is written.
    added = best_seconds(lambda: array.assign_add(other), _REPEATS)
    return MachineLimits(gemm_rate(), 3 * other.dtype.size * _FLOATS / added)


def gemm_rate(dtype: tf.DType = tf.float32) -> float:
    """Measures FLOP/s of a product of two square matrices of size 2048, the best of 20 runs."""
    matrix = tf.cast(tf.random.normal([_GEMM, _GEMM]), dtype)
    return 2 * _GEMM**3 / best_seconds(lambda: tf.matmul(matrix, matrix), _REPEATS)


def best_seconds(call: Callable[[], Any], repeats: int) -> float:
    """Returns the fewest seconds of some calls after a warm-up call."""
    call()
    seconds = []
    for _ in range(repeats):
        tf.test.experimental.sync_devices()
        begin = time.perf_counter()
        call()
        tf.test.experimental.sync_devices()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)
