"""Starts a runner by its script, and lets it write what `every_output` writes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.beam import every_output

ROOT = Path(__file__).parents[2]
# Seconds after which a start or a job is taken to hang; each takes a fraction of it.
LIMIT = 800

Written = dict[str, "bytes | pa.Table"]


def script(name: str) -> str:
    return str(ROOT / "scripts" / name)


def built(name: str) -> Path:
    """Returns where a script builds what it runs."""
    told = subprocess.run([script(name), "path"], capture_output=True, text=True, check=True, timeout=60)
    return Path(told.stdout.strip())


@contextlib.contextmanager
def started(name: str, settings: dict[str, str]) -> Iterator[None]:
    """Runs a script's `start`, and `stop` at the end.

    Args:
      name: the script's name.
      settings: environment variables of the script.
    """
    settings = {"PYTHON": sys.executable, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **settings}
    run: dict[str, Any] = {"env": {**os.environ, **settings}, "capture_output": True, "text": True, "timeout": LIMIT}
    try:
        told = subprocess.run([script(name), "start"], check=False, **run)
        assert told.returncode == 0, told.stderr
        yield
    finally:
        subprocess.run([script(name), "stop"], check=True, **run)


def options(job_server: int, pool: int) -> list[str]:
    """Returns Beam's options for two ports."""
    runner = ["--runner=PortableRunner", f"--job_endpoint=localhost:{job_server}"]
    return [*runner, "--environment_type=EXTERNAL", f"--environment_config=localhost:{pool}"]


def write_here(source: str, model: str, folder: Path) -> Written:
    """Writes with the runner within this process."""
    every_output.write(source, model, folder)
    return every_output.read(folder)


def start_writing(source: str, model: str, folder: Path, beam_args: Sequence[str]) -> subprocess.Popen[str]:
    """Begins to write with Beam's options, in a process of its own."""
    command = [sys.executable, "-m", "tests.beam.every_output", source, model, str(folder), *beam_args]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True)


@contextlib.contextmanager
def ending(process: subprocess.Popen[str]) -> Iterator[None]:
    """Kills a process if it has not ended after the block."""
    try:
        yield
    finally:
        process.kill()


def expect_written(writing: subprocess.Popen[str], folder: Path, expected: Written) -> None:
    """Waits for `start_writing`, and compares what it wrote."""
    with ending(writing):
        assert writing.wait(LIMIT) == 0
    found = every_output.read(folder)
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []
