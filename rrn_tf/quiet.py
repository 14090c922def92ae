"""Suppresses XLA's informational messages, so that commands print only their results and errors."""

from __future__ import annotations

import functools
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_NOTE = re.compile(rb"I\d{4} |WARNING: All log messages before absl::InitializeLog\(\)")


@functools.cache
def quiet_xla() -> None:
    """Makes XLA print its first-compilation messages now, filtered; XLA prints them once per process. Errors remain.

    XLA logs through a copy of Abseil with a level that TensorFlow neither sets, whatever TF_CPP_MIN_LOG_LEVEL is, nor
    exposes. So this function compiles a trivial function and removes informational lines from the output. If that
    variable is 0 or not set, it does nothing.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "0") == "0":
        return
    import tensorflow as tf

    with _without_notes():
        # Served models compile for the CPU, even where there is a GPU.
        for device in ("CPU:0", None):
            with tf.device(device):
                tf.function(tf.identity, jit_compile=True)(tf.zeros([]))


@contextmanager
def _without_notes() -> Iterator[None]:
    """Holds back the output to standard error, C++ code's included, and then passes on all lines but notes."""
    error = 2
    sys.stderr.flush()
    own = os.dup(error)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), error)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(own, error)
            os.close(own)
            held.seek(0)
            os.write(error, b"".join(line for line in held if not _NOTE.match(line)))
