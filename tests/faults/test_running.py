"""That the harness of running jobs would tell a wrong result, an unclear end and a hang."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.faults.disturbances import DISTURBANCES, Outcome, Subject
from tests.faults.jobs import Job, digest
from tests.faults.processes import Ended, Running

OLD, NEW = b"old" * 999, b"new" * 999


def put(path: Path, content: bytes) -> None:
    draft = path.with_name("draft")
    draft.write_bytes(content)
    draft.rename(path)


def whole(folder: Path) -> None:
    put(folder / "out" / "2", NEW)


def halves(folder: Path) -> None:
    for part in range(3):
        with (folder / "out" / "2").open("ab" if part else "wb") as file:
            file.write(NEW[999 * part : 999 * (part + 1)])


def never_twice(folder: Path) -> None:
    if (folder / "out" / "draft").exists():
        raise AssertionError("a draft of another run")
    whole(folder)


def facts(folder: Path) -> list[str]:
    return [digest([file.read_bytes()]) for file in sorted((folder / "out").glob("[0-9]"))]


@pytest.mark.parametrize(
    ("run", "outcomes"),
    [
        (whole, {Outcome.AGAIN}),
        (halves, {Outcome.AGAIN, Outcome.WRONG}),  # before the first change there is nothing
        (never_twice, {Outcome.AGAIN, Outcome.UNCLEAR}),
    ],
)
def test_what_a_kill_leaves_is_judged(run: Callable[[Path], None], outcomes: set[Outcome], tmp_path: Path) -> None:
    template = tmp_path / "template"
    for part in ("given", "out", "tmp"):
        (template / part).mkdir(parents=True)
    (template / "out" / "1").write_bytes(OLD)
    changes = 3 if run is halves else 2
    new = [digest([OLD]), digest([NEW])]
    subject = Subject("job", Job(run, facts), template, new, 0.1, changes, {"out": 8192})
    kill = DISTURBANCES["killed at a change"].make
    found = [kill(subject, tmp_path / "work", np.random.default_rng(seed)) for seed in range(16)]
    assert {outcome for outcome, _ in found} == outcomes, found


def test_a_hang_and_a_traceback_are_unclear(tmp_path: Path) -> None:
    ended = Running(lambda: time.sleep(100), tmp_path / "log", tmp_path).wait(0.2)
    assert ended.unclear.startswith("hangs")
    raised = Running([].pop, tmp_path / "log", tmp_path).wait()
    assert raised.unclear == "code 70: IndexError: pop from empty list"
    assert Ended(1, "Error: a.csv: no such file\n", 1.0).unclear == ""
    assert Ended(1, "Error: unexpected KeyError: 3\n", 1.0).unclear
    assert Ended(1, "Traceback (most recent call last):\nError: no\n", 1.0).unclear
    assert Ended(-11, "", 1.0).unclear == "code -11: nothing said"
