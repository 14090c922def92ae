"""Disturbances of a running job, and what becomes of it: looked at after the fault, and after it is run again."""

from __future__ import annotations

import contextlib
import enum
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.faults.jobs import Job
from tests.faults.processes import Ended, Operations, Running, asked

ROOM = "size=256m"
BEGUN = "begun"  # the file that a job writes when that begins which is to be disturbed
FAKETIME = "FAKETIME_LIBRARY"  # environment variable: where libfaketime.so.1 lies, if not where Debian has it
_FAKETIME = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
)


class Outcome(enum.Enum):
    """What became of a fault."""

    EQUAL = "went on, equal"
    AGAIN = "run again, equal"
    REFUSED = "refused in one line"
    UNCLEAR = "unclear"
    WRONG = "wrong"


@dataclass(frozen=True)
class Subject:
    """A job and how it goes without faults.

    Attributes:
      name: its name.
      job: the job.
      template: the folder that is copied for each fault.
      facts: what the job's `facts` returns in the end.
      seconds: how long it takes.
      operations: number of changes of files by Python.
      sizes: bytes of whole pages of its folders in the end.
    """

    name: str
    job: Job
    template: Path
    facts: list[str]
    seconds: float
    operations: int
    sizes: dict[str, int]


@dataclass(frozen=True)
class Disturbance:
    """A kind of fault.

    Attributes:
      make: copies the subject's folder to a path, runs and disturbs the job, and tells what became of it.
      needs: returns what is missing on this machine, empty if nothing is.
    """

    make: Callable[[Subject, Path, np.random.Generator], tuple[Outcome, str]]
    needs: Callable[[], str] = lambda: ""


def _copied(subject: Subject, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(subject.template, work)


def _started(subject: Subject, work: Path, kill_at: int | None = None) -> Running:
    def begins() -> None:
        (work / BEGUN).touch()
        if kill_at is not None:
            Operations(work, kill_at)

    def run() -> None:
        subject.job.begin(work, begins)

    return Running(run, work / "log", work / "tmp")


def _judged(subject: Subject, work: Path, ended: Ended, where: str) -> tuple[Outcome, str]:
    """Looks at what a disturbed job has left, runs it again unless it had succeeded, and judges both."""
    if ended.unclear:
        return Outcome.UNCLEAR, f"{where}: {ended.unclear}"
    try:
        left = asked(lambda: subject.job.facts(work), work)
    except RuntimeError as error:
        return Outcome.WRONG, f"{where}: what looks whole is not: {error}"
    if strange := set(left) - set(subject.facts):
        return Outcome.WRONG, f"{where}: {len(strange)} results that are neither the former nor the new one"
    if ended.code == 0:
        same = left == subject.facts
        return (Outcome.EQUAL, where) if same else (Outcome.WRONG, f"{where}: success, and {len(left)} results")
    again = _started(subject, work).wait()
    told = ended.said.strip().splitlines()[-1] if ended.code in (1, 2) else "killed"
    if again.unclear:
        return Outcome.UNCLEAR, f"{where}, {told}; run again: {again.unclear}"
    if again.code:
        return Outcome.REFUSED, f"{where}, {told}; run again: {again.said.strip().splitlines()[-1]}"
    try:
        found = asked(lambda: subject.job.facts(work), work)
    except RuntimeError as error:
        return Outcome.WRONG, f"{where}, {told}; run again: {error}"
    if set(found) != set(subject.facts) or found[-1] != subject.facts[-1]:
        others = sorted(set(found) ^ set(subject.facts))
        return Outcome.WRONG, f"{where}, {told}; run again: another result: {', '.join(others)[:300]}"
    return Outcome.AGAIN, f"{where}, {told}"


def _wait(running: Running, work: Path, seconds: float) -> None:
    """Waits for some seconds after that has begun which is to be disturbed, or until the job has ended."""
    while not running.ended() and not (work / BEGUN).exists():
        time.sleep(0.002)
    until = time.monotonic() + seconds
    while not running.ended() and time.monotonic() < until:
        time.sleep(0.002)


def _kill_at_moment(subject: Subject, work: Path, draw: np.random.Generator) -> tuple[Outcome, str]:
    _copied(subject, work)
    after = float(draw.uniform(0.02, 1.0)) * subject.seconds
    running = _started(subject, work)
    _wait(running, work, after)
    running.kill()
    return _judged(subject, work, running.wait(), f"after {after:.2f} s")


def _kill_at_operation(subject: Subject, work: Path, draw: np.random.Generator) -> tuple[Outcome, str]:
    _copied(subject, work)
    number = int(draw.integers(1, subject.operations + 1))
    return _judged(subject, work, _started(subject, work, number).wait(), f"at operation {number}")


def _full(part: str) -> Callable[[Subject, Path, np.random.Generator], tuple[Outcome, str]]:
    def make(subject: Subject, work: Path, draw: np.random.Generator) -> tuple[Outcome, str]:
        _copied(subject, work)
        before = sum(4096 * (2 + f.stat().st_size // 4096) for f in (work / part).rglob("*") if f.is_file())
        most = 1.2 * (subject.sizes["out"] - before) if part == "out" else 400_000
        free = int(draw.uniform(4096, max(most, 50_000)))
        with _small_disk(work / part, before + free):
            ended = _started(subject, work).wait()
            # What was told stays where there is room; from here on there is room.
            subprocess.run(["mount", "-o", f"remount,{ROOM}", str(work / part)], check=True)
            return _judged(subject, work, ended, f"{free // 1024} KB free")

    return make


@contextlib.contextmanager
def _small_disk(folder: Path, size: int) -> Iterator[None]:
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _lose_file(subject: Subject, work: Path, draw: np.random.Generator) -> tuple[Outcome, str]:
    _copied(subject, work)
    running = _started(subject, work)
    _wait(running, work, float(draw.uniform(0.02, 1.0)) * subject.seconds)
    files = sorted(path for part in ("given", "out", "tmp") for path in (work / part).rglob("*") if path.is_file())
    file = files[int(draw.integers(len(files)))]
    with contextlib.suppress(FileNotFoundError):
        file.unlink()
    ended, where = running.wait(), file.relative_to(work).as_posix()
    for given in (subject.template / "given").rglob("*"):  # what was lost of it is there when it runs again
        if given.is_file():
            place = work / "given" / given.relative_to(subject.template / "given")
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                shutil.copy2(given, place)
    outcome, said = _judged(subject, work, ended, where)
    if outcome is Outcome.WRONG and where.startswith("out/"):
        # A product that was lost after it was written: whoever reads it must be told, or find it missing.
        if "what looks whole is not" in said and "unexpected" not in said:
            return Outcome.REFUSED, said
        if "success, and" in said:
            return Outcome.REFUSED, f"{where} was the mark of a whole result, which is taken for none"
    return outcome, said


def _move_clock(subject: Subject, work: Path, draw: np.random.Generator) -> tuple[Outcome, str]:
    _copied(subject, work)
    days, clock = int(draw.integers(-3650, 3650)), work / "tmp" / "clock"
    clock.write_text("+0\n")
    moved = {
        "LD_PRELOAD": _faketime(),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    command = [sys.executable, "-m", "tests.faults.jobs", subject.name, str(work)]
    running = Running(lambda: os.execve(command[0], command, {**os.environ, **moved}), work / "log", work / "tmp")
    until = running.begin + 8 + float(draw.uniform(0, 1)) * subject.seconds
    while not running.ended() and time.monotonic() < until:
        time.sleep(0.01)
    clock.write_text(f"{days:+d}d\n")
    return _judged(subject, work, running.wait(), f"by {days:+d} days")


def _faketime() -> str:
    places = [os.environ.get(FAKETIME, ""), *_FAKETIME]
    return next((place for place in places if Path(place).is_file()), "")


def _no_faketime() -> str:
    return "" if _faketime() else f"libfaketime is not installed; {FAKETIME} says where it is"


def _no_mounts() -> str:
    if os.geteuid():
        return "a small disk is a tmpfs, which takes a superuser"
    tried = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "no tmpfs can be mounted here"


DISTURBANCES: dict[str, Disturbance] = {
    "killed at a moment": Disturbance(_kill_at_moment),
    "killed at a change": Disturbance(_kill_at_operation),
    "no space for output": Disturbance(_full("out"), _no_mounts),
    "no space for temporary files": Disturbance(_full("tmp"), _no_mounts),
    "file removed": Disturbance(_lose_file),
    "clock moved": Disturbance(_move_clock, _no_faketime),
}


def possible(names: Iterable[str]) -> dict[str, Disturbance]:
    """Returns the named kinds of faults that can be made on this machine, and prints what the others lack."""
    kinds = {}
    for name in names:
        if missing := DISTURBANCES[name].needs():
            print(f"left out: {name}: {missing}", flush=True)
        else:
            kinds[name] = DISTURBANCES[name]
    return kinds
