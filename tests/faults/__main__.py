"""`python -m tests.faults --seed 0 --count 200` damages copies of tiny runs and of input, and prints what became."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rrn_tf.cli.failures import line_of
from tests.faults.damage import DAMAGES, harm
from tests.faults.subjects import (
    Subject,
    copied,
    of_event_run,
    of_input,
    of_run,
    of_training,
    train_tiny,
    train_tiny_events,
)

SHARES = {
    "sequences": 0.3,
    "model": 0.2,
    "checkpoints": 0.03,
    "event sequences": 0.2,
    "event model": 0.1,
    "input, csv.gz": 0.08,
    "input, parquet": 0.09,
}
EQUAL, REFUSED, WRONG, UNCLEAR = "equal result", "refused in one line", "wrong result", "unclear error"
OUTCOMES = (EQUAL, REFUSED, UNCLEAR, WRONG)


def run_faults(
    of: Mapping[str, Subject], seed: int, count: int, copy: Path
) -> tuple[Counter[tuple[str, str, str]], list[str]]:
    """Makes faults one after another.

    Args:
      of: what is damaged, by names of `SHARES`.
      seed: of the random generator that chooses each subject, damage, file and place.
      count: number of faults.
      copy: the folder that is made for copies.

    Returns:
      Counts by subject, damage and outcome, and a line for each fault that was neither harmless nor refused clearly.
    """
    draw, counts, lines = np.random.default_rng(seed), Counter[tuple[str, str, str]](), list[str]()
    shares = np.array([SHARES[name] for name in of])
    undisturbed = {name: subject.outcome(copied(subject, copy)) for name, subject in of.items()}
    for number in range(count):
        name = str(draw.choice(list(of), p=shares / shares.sum()))
        what = str(draw.choice(list(DAMAGES)))
        folder = copied(of[name], copy)
        file = harm(folder, what, draw)
        outcome, said = EQUAL, ""
        try:
            if of[name].outcome(folder) != undisturbed[name]:
                outcome = WRONG
        except Exception as error:  # any exception is an outcome to count
            said = line_of(error)
            outcome = UNCLEAR if said.startswith("unexpected ") else REFUSED
        counts[name, what, outcome] += 1
        if outcome in (WRONG, UNCLEAR):
            lines.append(f"fault {number}, {outcome}: {name}, {file}, {what}: {said}")
            print(lines[-1], file=sys.stderr, flush=True)
    return counts, lines


def main() -> int:
    """Prints the table; returns 1 if a result was wrong or an error unclear."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        run = train_tiny(Path(root, "run"))
        of = {**of_run(run), **of_training(run, Path(root, "half"))}
        of |= {**of_event_run(train_tiny_events(Path(root, "events"))), **of_input(Path(root, "input"))}
        counts, lines = run_faults(of, given.seed, given.count, Path(root, "copy"))
    print(f"seed {given.seed}, {counts.total()} faults")
    print(f"{'':32}{'faults':>8}" + "".join(f"{outcome:>22}" for outcome in OUTCOMES))
    for name, what in sorted({(name, what) for name, what, _ in counts}):
        found = [counts[name, what, outcome] for outcome in OUTCOMES]
        print(f"{name + ', ' + what:32}{sum(found):8}" + "".join(f"{number:22}" for number in found))
    found = [sum(n for (*_, of), n in counts.items() if of == outcome) for outcome in OUTCOMES]
    print(f"{'all':32}{sum(found):8}" + "".join(f"{number:22}" for number in found))
    return bool(lines)


if __name__ == "__main__":
    sys.exit(main())
