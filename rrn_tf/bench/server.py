"""Provides the server of a benchmark: the test double in a separate process, or a running TensorFlow Serving."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MODEL = "rrn"  # name of the model on the server


@dataclass
class Target:
    """A server to measure.

    Attributes:
      address: ``host:port`` of the server.
      name: name in printed lines.
      peak_memory_bytes: peak memory of the test double, after it has ended.
    """

    address: str
    name: str
    peak_memory_bytes: int | None = None


@contextmanager
def running_double(model: Path, server: str | None = None) -> Iterator[Target]:
    """Runs the test double of TensorFlow Serving, unless a server is given.

    Args:
      model: a SavedModel, served under the name `MODEL`.
      server: ``host:port`` of a running server.

    Raises:
      RuntimeError: if the test double does not start.
    """
    if server is not None:
        yield Target(server, server)
        return
    command = [sys.executable, "-W", "ignore", "-m", "rrn_tf.bench.grpc_double", "--model", f"{MODEL}={model}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        first = process.stdout.readline()
        if not first:
            raise RuntimeError(f"expected the test double to start, but it ended with code {process.wait()}")
        target = Target(f"127.0.0.1:{json.loads(first)['port']}", "test double")
        try:
            yield target
        finally:
            process.stdin.close()
            last = process.stdout.readline()
            target.peak_memory_bytes = json.loads(last)["peak_memory_bytes"] if last else None
