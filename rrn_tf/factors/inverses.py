"""Inverts many small matrices, of which linear algebra libraries make slow work."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

_held = ContextVar("held", default=False)


@functools.cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")  # looks through all libraries of the process, once


@contextlib.contextmanager
def on_one_core() -> Iterator[None]:
    """Inverts on one core inside; a loop over many calls of `inverses` begins so, since setting the limit takes longer.

    The limit holds for the linear algebra of all threads of the process.
    """
    if _held.get():
        yield
        return
    held = _held.set(True)
    try:
        with _blas().limit(limits=1):
            yield
    finally:
        _held.reset(held)


def inverses(matrices: Any) -> Any:
    """Inverts each of N small matrices on one core.

    OpenBLAS divides even a matrix of 9 x 9 among all cores, which then wait for each other: on two busy cores that took
    27 times the CPU time. The results are the same to the bit up to a width of 12 (8 factors have 9), and to rounding
    beyond. Meanwhile the limit of `on_one_core` holds.

    Args:
      matrices: float32 or float64[N, w, w].

    Returns:
      The inverses, of the same shape and type.

    Raises:
      numpy.linalg.LinAlgError: if a matrix is singular.

    Example:
      >>> inverses(np.array([[[2.0, 0.0], [0.0, 4.0]]])).tolist()
      [[[0.5, 0.0], [0.0, 0.25]]]
    """
    with on_one_core():
        return np.linalg.inv(matrices)
