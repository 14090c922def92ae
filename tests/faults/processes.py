"""Jobs in processes of their own, forked from one that has imported everything, so that a fault takes seconds."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT = 420.0  # seconds after which a job is taken to hang
HANGS = "hangs"
_WRITES = os.O_WRONLY | os.O_RDWR
CHANGE = "tests.faults.change"  # an audit event of a change that Python does not make itself, with a path
_CHANGES = (CHANGE, "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.copyfile", "shutil.move")


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
      code: its exit code; of a signal the negative number; None if it had to be ended because it hung.
      said: all that it printed.
      seconds: how long it took.
    """

    code: int | None
    said: str
    seconds: float

    @property
    def unclear(self) -> str:
        """What is wrong with how it ended, other than by a kill: empty for success and for one line."""
        lines = [line for line in self.said.splitlines() if line.strip()]
        last = lines[-1] if lines else "nothing said"
        if self.code is None:
            return f"{HANGS}: {last}"
        if self.code in (0, -signal.SIGKILL):
            return ""
        clear = self.code in (1, 2) and last.lower().startswith("error: ") and "unexpected" not in last
        return "" if clear and "Traceback" not in self.said else f"code {self.code}: {last}"


class Operations:
    """Counts the changes of files that Python makes below a folder, and kills its own process at one of them.

    Args:
      below: the folder.
      kill_at: number of the change before which to kill, from 1; None never does.
    """

    def __init__(self, below: Path, kill_at: int | None = None) -> None:
        self._below, self._kill_at, self.count = str(below), kill_at, 0
        sys.addaudithook(self._on)

    def _on(self, event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = given
            changes = bool((flags or 0) & _WRITES)
        else:
            path, changes = given[0] if given else None, event in _CHANGES
        if changes and isinstance(path, str | os.PathLike) and str(path).startswith(self._below):
            self.count += 1
            if self.count == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)


class Running:
    """A function that runs in a process of its own, which leads a group.

    Args:
      work: the function.
      log: the file of what it prints.
      temporary: its folder of temporary files.
    """

    def __init__(self, work: Callable[[], Any], log: Path, temporary: Path) -> None:
        self.log, self.begin = log, time.monotonic()
        log.write_bytes(b"")  # it may be killed before it opens it
        self.pid = os.fork()
        if not self.pid:
            _run(work, log, temporary)
        self.code: int | None = None

    def ended(self) -> bool:
        """Returns whether it has ended."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def kill(self) -> None:
        """Kills it as the system does, without warning."""
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, seconds: float = LIMIT) -> Ended:
        """Waits until it ends, and kills it if it does not."""
        until, hung = time.monotonic() + seconds, False
        while not self.ended():
            time.sleep(0.01)
            if time.monotonic() > until and not hung:
                hung = True
                self.kill()
        took = time.monotonic() - self.begin
        return Ended(None if hung else self.code, self.log.read_text(errors="replace"), took)


def _run(work: Callable[[], Any], log: Path, temporary: Path) -> None:
    code = 70
    try:
        os.setsid()
        file = os.open(log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)  # pytest has put others there
        os.environ["TMPDIR"], tempfile.tempdir = str(temporary), None
        try:
            work()
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def asked(work: Callable[[], Any], folder: Path) -> Any:
    """Returns what a function returns, or raises what it raises, after running it in a process of its own."""
    answer = folder / "answer"

    def write() -> None:
        try:
            found: Any = work()
        except Exception as error:
            found = RuntimeError(f"{type(error).__name__}: {error}".splitlines()[0])
        answer.write_bytes(pickle.dumps(found))

    ended = Running(write, folder / "answer.log", folder).wait()
    if ended.code:
        raise RuntimeError(f"code {ended.code}: {ended.said[-500:]}")
    found = pickle.loads(answer.read_bytes())
    if isinstance(found, RuntimeError):
        raise found
    return found
