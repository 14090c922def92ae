"""Silence of XLA's notes: whoever runs a command wants its answers, and errors."""

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
    """Has XLA say what it says once in a process, at its first compilation, to nobody; errors are passed on.

    XLA logs by a copy of Abseil whose level TensorFlow neither sets, whatever TF_CPP_MIN_LOG_LEVEL says, nor lets
    anyone set. So the first compilation is one of nothing, and the notes are taken out of what it says. Where that
    variable asks for all lines, or is not set, nothing is done.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "0") == "0":
        return
    import tensorflow as tf

    with _without_notes():
        # Served models compile for the CPU, whatever else there is.
        for device in ("CPU:0", None):
            with tf.device(device):
                tf.function(tf.identity, jit_compile=True)(tf.zeros([]))


@contextmanager
def _without_notes() -> Iterator[None]:
    """Holds back what is written to standard error, by C++ too, and then passes on all lines but notes."""
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
