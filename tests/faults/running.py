"""`python -m tests.faults.running --seed 1 --count 200` disturbs jobs while they run, and counts what becomes of them.

A job is killed, has no space on its disk, loses files or has its clock moved; then what it has left is looked at, and
it is run again. Disks that are full are small tmpfs, which take a superuser; the clock is moved by libfaketime.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np

from tests.faults.disturbances import DISTURBANCES, Disturbance, Outcome, Subject, possible
from tests.faults.jobs import JOBS, kind_of, write_given
from tests.faults.processes import Operations, Running, asked

SHARES = {
    "prepare ratings": 0.19,
    "prepare events": 0.15,
    "train ratings": 0.04,
    "train events": 0.09,
    "update ratings": 0.08,
    "update events": 0.08,
    "score": 0.19,
    "push": 0.18,
}

_NEEDED = (
    "apache_beam.runners.direct.direct_runner",
    "components.pusher.executor",
    "rrn_tf.beam.prepare",
    "rrn_tf.beam.prepare_events",
    "rrn_tf.beam.score",
    "rrn_tf.cli.main",
    "rrn_tf.runs.training_run",
    "rrn_tf.serving.export",
    "rrn_tf.serving.export_events",
    "rrn_tf.tasks",
)


def made_subjects(root: Path, names: list[str]) -> dict[str, Subject]:
    """Runs each job once without faults, which writes what later ones are given, and returns them.

    Args:
      root: a folder.
      names: of `JOBS`; what they are given is made by others, which are run too.
    """
    write_given(root / "rows")
    models, subjects = {}, {}
    for name in JOBS:
        kind = kind_of(name)
        for_others = {"train": ("update", "score", "push"), "update": ("push",)}.get(name.split()[0], ())
        if name not in names and not any(kind_of(n) == kind and n.startswith(for_others) for n in names):
            continue
        folder = root / "undisturbed" / name.replace(" ", "_")
        for part in ("out", "tmp"):
            (folder / part).mkdir(parents=True)
        shutil.copytree(root / "rows" / kind / "given", folder / "given")
        if name.startswith("update") or name == "push":
            shutil.copytree(models["train", kind], folder / "out" / "1")
        if name == "score":
            shutil.copytree(models["train", kind], folder / "given" / "model")
            rows = [line.split(",") for line in (folder / "given" / "early.csv").read_text().splitlines()]
            (folder / "given" / "pairs.csv").write_text("\n".join(",".join([r[0], r[1], r[3]]) for r in rows) + "\n")
        if name == "push":
            shutil.copytree(models["update", kind], folder / "given" / "artifact" / "Format-Serving")
        place = root / "template" / folder.name
        shutil.copytree(folder, place)
        subjects[name] = _measured(name, place, root / "work")
        done = root / "work" / "out"
        if name.startswith("train"):
            shutil.copytree(done / "model", models.setdefault(("train", kind), root / f"trained-{kind}"))
        if name.startswith("update"):
            shutil.copytree(done / "2", models.setdefault(("update", kind), root / f"updated-{kind}"))
        print(f"{name}: {subjects[name].seconds:.1f} s, {subjects[name].operations} operations", flush=True)
    return {name: subjects[name] for name in names}


def _measured(name: str, template: Path, work: Path) -> Subject:
    job = JOBS[name]
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(template, work)

    def counted() -> None:
        operations = Operations(work)
        try:
            job.run(work)
        finally:
            (work / "tmp" / "count").write_text(str(operations.count))

    ended = Running(counted, work / "log", work / "tmp").wait()
    if ended.code or not (facts := asked(lambda: job.facts(work), work)):
        raise RuntimeError(f"{name} without faults: {ended.unclear}\n{ended.said}")
    sizes = {part: size_of(work / part) for part in ("given", "out")}
    return Subject(name, job, template, facts, ended.seconds, int((work / "tmp" / "count").read_text()), sizes)


def size_of(folder: Path) -> int:
    """Returns the bytes of the files of a folder, in whole pages."""
    return sum(4096 * (1 + file.stat().st_size // 4096) for file in folder.rglob("*") if file.is_file())


def main() -> int:
    """Prints the table; returns 1 if a result was wrong or an end unclear."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.running", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--jobs", nargs="+", choices=list(JOBS), default=list(JOBS))
    parser.add_argument("--faults", nargs="+", choices=list(DISTURBANCES), default=list(DISTURBANCES))
    given = parser.parse_args()
    import_all()
    kinds = possible(given.faults)
    with tempfile.TemporaryDirectory() as root:
        counts, bad = disturbed(made_subjects(Path(root), given.jobs), kinds, given.seed, given.count, Path(root))
    print_counts(f"seed {given.seed}", counts)
    return bool(bad)


def import_all(names: Iterable[str] = _NEEDED) -> None:
    """Imports what jobs need before they are forked; no operation of TensorFlow may run in this process."""
    for name in names:
        importlib.import_module(name)


def disturbed(
    subjects: dict[str, Subject],
    kinds: dict[str, Disturbance],
    seed: int,
    count: int,
    root: Path,
    shares_of: Mapping[str, float] = SHARES,
    only: Collection[int] = (),
) -> tuple[Counter[tuple[str, str, str]], list[str]]:
    """Disturbs jobs one after another; returns counts by job, fault and outcome, and a line for each bad one.

    If there are numbers in `only`, other faults are drawn and not made, so that these can be looked at again.
    """
    draw, counts, bad = np.random.default_rng(seed), Counter[tuple[str, str, str]](), list[str]()
    shares = np.array([shares_of[name] for name in subjects])
    for number in range(count):
        name = str(draw.choice(list(subjects), p=shares / shares.sum()))
        fault = str(draw.choice(list(kinds)))
        if only and number not in only:
            continue
        of = np.random.default_rng([seed, number])  # so that a fault does not depend on how those before it went
        outcome, said = kinds[fault].make(subjects[name], root / "work", of)
        counts[name, fault, outcome.value] += 1
        print(f"{number}: {name}, {fault}: {outcome.value}: {said}", flush=True)
        if outcome in (Outcome.WRONG, Outcome.UNCLEAR):
            bad.append(f"fault {number}, {outcome.value}: {name}, {fault}: {said}")
            print(bad[-1], file=sys.stderr, flush=True)
    return counts, bad


def print_counts(title: str, counts: Counter[tuple[str, str, str]]) -> None:
    """Prints a line for each job and fault, and the sum."""
    print(f"{title}, {counts.total()} faults")
    print(f"{'':44}{'faults':>8}" + "".join(f"{outcome.value:>24}" for outcome in Outcome))
    for name, fault in sorted({(name, fault) for name, fault, _ in counts}):
        found = [counts[name, fault, outcome.value] for outcome in Outcome]
        print(f"{name + ', ' + fault:44}{sum(found):8}" + "".join(f"{number:24}" for number in found))
    found = [sum(n for (*_, of), n in counts.items() if of == outcome.value) for outcome in Outcome]
    print(f"{'all':44}{sum(found):8}" + "".join(f"{number:24}" for number in found))


if __name__ == "__main__":
    sys.exit(main())
