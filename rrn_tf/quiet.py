"""Suppresses informational messages of TensorFlow and XLA, so that commands print only their results and errors."""

from __future__ import annotations

import functools
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_NOTE = re.compile(rb"I\d{4} |WARNING: All log messages before absl::InitializeLog\(\)")


class QuietImport(MetaPathFinder):
    """Imports TensorFlow without informational messages, if TF_CPP_MIN_LOG_LEVEL asks for that.

    From 2.19 on, TensorFlow logs some before it reads that variable. Put into `sys.meta_path`, an instance is asked for
    every module that is not loaded yet, and takes itself out once it has found TensorFlow.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns where TensorFlow is found, with a loader that suppresses the messages; None for other modules."""
        if name != "tensorflow" or not _quiet_wanted():
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec and spec.loader:
            spec.loader = _QuietLoader(spec.loader)
        return spec


class _QuietLoader(Loader):
    """A loader that holds back informational messages while another one loads the module.

    It stands around that one and does not change it: it may be another library's import hook.
    """

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        with _without_notes():
            self._loader.exec_module(module)

    def __getattr__(self, name: str) -> Any:
        # What else a loader of files knows, such as resources.
        return getattr(self._loader, name)


def _quiet_wanted() -> bool:
    return os.environ.get("TF_CPP_MIN_LOG_LEVEL", "0") != "0"


@functools.cache
def quiet_xla() -> None:
    """Makes XLA print its first-compilation messages now, filtered; XLA prints them once per process. Errors remain.

    XLA logs through a copy of Abseil with a level that TensorFlow neither sets, whatever TF_CPP_MIN_LOG_LEVEL is, nor
    exposes. So this function compiles a trivial function and removes informational lines from the output. If that
    variable is 0 or not set, it does nothing.
    """
    if not _quiet_wanted():
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
    try:
        own = os.dup(error)
    except OSError:  # it is closed, and nothing is printed
        yield
        return
    sys.stderr.flush()
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
