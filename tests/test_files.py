"""Outputs are written whole, by one command at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rrn_tf.files import OutputInUseError, only_writer_of_directory, only_writer_of_file

LOCKS: list[Callable[[Path], AbstractContextManager[None]]] = [only_writer_of_directory, only_writer_of_file]
each = pytest.mark.parametrize("alone", LOCKS)


@each
def test_the_second_writer_is_refused_and_the_next_one_is_not(
    alone: Callable[[Path], AbstractContextManager[None]], tmp_path: Path
) -> None:
    output = tmp_path / "folder" / "out"
    for _ in range(2):
        with alone(output):
            with pytest.raises(OutputInUseError, match="out: another command is writing to it"), alone(output):
                pass
            with alone(output.with_name("other")):
                pass
        assert not list(output.parent.iterdir())


@each
def test_a_killed_writer_locks_nobody_out(
    alone: Callable[[Path], AbstractContextManager[None]], tmp_path: Path
) -> None:
    program = f"""
import os, signal, sys
from pathlib import Path
from rrn_tf.files import {alone.__name__} as alone
with alone(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    output = tmp_path / "out"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(output)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "locked\n"
    with pytest.raises(OutputInUseError), alone(output):
        pass
    child.communicate("now\n")
    with alone(output):
        pass


def test_a_directory_stays_with_what_is_in_it(tmp_path: Path) -> None:
    with only_writer_of_directory(tmp_path / "run"):
        (tmp_path / "run" / "model").mkdir()
    with only_writer_of_directory(tmp_path / "run" / "model"):
        pass
    assert (tmp_path / "run" / "model").is_dir()


def test_devices_and_remote_files_are_not_locked() -> None:
    for output in ("/dev/null", "gs://bucket/scores", "-", None):
        with only_writer_of_file(output), only_writer_of_file(output):
            pass
