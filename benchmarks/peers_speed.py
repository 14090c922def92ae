"""Times RRN beside models and searches that people use, on the same generated ratings, each in a process of its own.

    python -m benchmarks.peers_speed --ratings 1000000

Training: seconds, processor seconds and peak memory, beside the RMSE on the same test ratings, which lie in the future
(`benchmarks.rating_split.time_split`), as a fast model that foretells badly is no peer. Then the ten best items of a
user: `recommend` of our SavedModel beside searches among the vectors that `rrn export-states` wrote of it. Ours also
moves states on to the asked time and leaves out what the user has rated; the searches do neither.

The peers are no dependencies of this project. They may be installed in a Python of their own, which then runs them:

    python -m venv peers && peers/bin/pip install -r benchmarks/peers_speed.txt
    python -m benchmarks.peers_speed --peers-python peers/bin/python
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd

from benchmarks.peer_process import OURS, TOP, model_folder
from benchmarks.rating_split import PARTS, TimeSplit, read_split, time_split
from rrn_tf.cli.options import json_option, one_line_errors, write_json
from rrn_tf.data import synthetic
from rrn_tf.environment import environment
from rrn_tf.evaluation.metrics import rmse
from rrn_tf.evaluation.tables import markdown
from rrn_tf.features import ITEM_ID, RATING, TIMESTAMP, USER_ID, Split

PEERS = ("bayesian-fm", "lightgbm", "implicit-als", "surprise-svdpp", "tfrs-two-tower")
SEARCHES = ("numpy", "faiss-exact", "implicit", "tfrs-brute-force")
RUNS = ("rrn-plus:1", "rrn-plus:all", "paper-netflix:1", "paper-netflix:all")
TRAINING = ("model", "test RMSE", "seconds", "times ours", "CPU seconds", "times ours", "memory, MB")
RANKING = ("search", "p50, ms", "times ours", "p95, ms", "requests a second", "same items")
_EXPECTED = "expected"
_OF_TENSORFLOW = ("tfrs-two-tower", "tfrs-brute-force")

Row = dict[str, Any]


@click.command()
@click.option("--ratings", default=1_000_000, show_default=True, type=click.IntRange(min=1_000))
@click.option("--peers-python", default=sys.executable, help="Python with the peers.  [default: this one]")
@click.option("--budget", default=3_600.0, show_default=True, type=click.FloatRange(min=1), help="Seconds a row.")
@click.option("--threads", default=2, show_default=True, type=click.IntRange(min=1), help="Threads, on as many CPUs.")
@click.option(
    "--run",
    "runs",
    multiple=True,
    default=RUNS,
    show_default=True,
    metavar="PRESET:EPOCHS",
    help="Our runs; EPOCHS may be all. The first that ends has the vectors, and 'times ours' is of it.",
)
@click.option("--peer", "peers", multiple=True, default=PEERS, type=click.Choice(PEERS), help="By default all.")
@click.option("--requests", default=500, show_default=True, type=click.IntRange(min=1), help="Requests to time.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Of ratings and models.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="To keep data and models in.")
@json_option
def main(
    ratings: int,
    peers_python: str,
    budget: float,
    threads: int,
    runs: tuple[str, ...],
    peers: tuple[str, ...],
    requests: int,
    seed: int,
    folder: Path | None,
    json_file: str | None,
) -> None:
    """Prints a table of trainings and a table of searches, in Markdown.

    A row whose library is not installed says how to install it; one that takes longer than the budget says so.
    """
    for run in runs:
        if not re.fullmatch(r"[\w.-]+:(all|[1-9]\d*)", run):
            raise click.BadParameter(f"expected PRESET:EPOCHS such as rrn-plus:1, found {run!r}", param_hint="--run")
    with tempfile.TemporaryDirectory() as made, one_line_errors():
        where = folder or Path(made)
        where.mkdir(parents=True, exist_ok=True)
        split, floor = prepared(ratings, seed, where)
        start = _Starter(peers_python, budget, threads, where)
        names = [*(f"{OURS}:{run}" for run in runs), *peers]
        trained = {name: start("train", name, f"--seed={seed}") for name in names}
        about = _about(split, floor, threads)
        click.echo(f"{about}\n\n{training_table(trained)}")
        ranked = {}
        ended = [name for name in names if name.startswith(OURS) and "seconds" in trained[name]]
        if ended:
            at = int(split.later[TIMESTAMP].max()) + 1
            start.export(ended[0], at)
            of_rank = (f"--requests={requests}", f"--at={at}")
            ranked = {name: start("rank", name, *of_rank) for name in (ended[0], *SEARCHES)}
            click.echo(f"\n{ranking_table(ranked)}")
        write_json(json_file, {"about": about, "training": trained, "ranking": ranked, **environment(seed)})


def prepared(ratings: int, seed: int, folder: Path) -> tuple[TimeSplit, float]:
    """Generates ratings of drifting tastes and writes what the processes read; returns the best reachable test RMSE."""
    # Users and items are to ratings as in `rrn bench rrn`.
    users, items = max(200, ratings // 44), max(100, ratings // 56)
    config = synthetic.SyntheticConfig(users, items, ratings, sitting=5.2, rating_step=0.5, seed=seed)
    made = synthetic.generate(config)
    columns = (made.user_id, made.item_id, made.rating, made.timestamp, made.expected)
    names = (USER_ID, ITEM_ID, RATING, TIMESTAMP, _EXPECTED)
    split = time_split(pd.DataFrame(dict(zip(names, columns, strict=True))), seed=seed)
    np.savez(folder / "split.npz", **{part.label: split.peer_rows(part) for part in PARTS})
    for part, frame in read_split(folder / "split.npz").frames.items():
        if part is not Split.TEST:
            frame.to_csv(folder / f"{part.label}.csv", index=False)
    test = split.later.iloc[split.row_indices(Split.TEST)]
    return split, rmse(test[_EXPECTED].to_numpy(), test[RATING].to_numpy())


class _Starter:
    """Starts the process of a row and reads its figures.

    Args:
      peers_python: the Python of the peers without TensorFlow.
      budget: seconds after which a process is ended.
      threads: number of threads and CPUs of a process.
      folder: the folder of data and models.
    """

    def __init__(self, peers_python: str, budget: float, threads: int, folder: Path) -> None:
        self._peers_python, self._budget, self._folder = peers_python, budget, folder
        counts = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        cpus = sorted(os.sched_getaffinity(0))[:threads] if shutil.which("taskset") else []
        self._held = ["taskset", "-c", ",".join(map(str, cpus))] if cpus else []
        root = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
        self._environment = {**os.environ, "PYTHONPATH": path, **dict.fromkeys(counts, str(threads))}

    def __call__(self, what: str, name: str, *options: str) -> Row:
        """Runs a row; its figures, or ``missing``, ``stopped`` or ``failed``."""
        of_peers = not name.startswith(OURS) and name not in _OF_TENSORFLOW
        python = self._peers_python if of_peers else sys.executable
        click.echo(f"{what} {name} …", err=True)
        command = [python, "-m", "benchmarks.peer_process", what, name, str(self._folder), *options]
        try:
            found = self._run(command)
        except subprocess.TimeoutExpired:
            return {"stopped": self._budget}
        except OSError as error:
            return {"failed": f"{error.strerror}: {error.filename}"}
        if found.returncode:
            told = found.stderr.strip().splitlines() or [f"exit status {found.returncode}"]
            return {"failed": told[-1][:200]}
        figures: Row = json.loads(found.stdout.strip().splitlines()[-1])
        return figures

    def export(self, name: str, at: int) -> None:
        """Writes the vectors of a model of ours at a time.

        Raises:
          RuntimeError: if that fails.
        """
        for side in ("users", "items"):
            model, output = self._folder / model_folder(name), self._folder / f"{side}.npy"
            options = [f"--model={model}", f"--side={side}", f"--output={output}", f"--at={at}"]
            found = self._run([sys.executable, "-m", "rrn_tf.cli", "export-states", *options])
            if found.returncode:
                raise RuntimeError(f"rrn export-states failed: {found.stderr.strip().splitlines()[-1]}")

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            # What counts processors for its number of threads is held to them by the affinity, which taskset sets.
            [*self._held, *command],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=self._budget,
            check=False,
        )


def training_table(rows: dict[str, Row]) -> str:
    """Formats trainings as Markdown; ratios are to the first of ours that ended."""
    base = next((row for name, row in rows.items() if name.startswith(OURS) and "seconds" in row), None)
    lines = []
    for name, row in rows.items():
        if "seconds" not in row:
            lines.append(_excuse(name, row, len(TRAINING)))
            continue
        cells = [f"{row['rmse']:.4f}"]
        for key in ("seconds", "cpu_seconds"):
            cells += [f"{row[key]:,.1f}", f"{row[key] / base[key]:.2f}" if base else ""]
        lines.append([_named(name, row), *cells, f"{row['peak_memory_bytes'] / 1e6:,.0f}"])
    return markdown(TRAINING, lines)


def ranking_table(rows: dict[str, Row]) -> str:
    """Formats searches as Markdown; ratios are to ours."""
    base = next((row for name, row in rows.items() if name.startswith(OURS) and "p50_ms" in row), None)
    lines = []
    for name, row in rows.items():
        if "p50_ms" not in row:
            lines.append(_excuse(name, row, len(RANKING)))
            continue
        ratio = f"{row['p50_ms'] / base['p50_ms']:.3f}" if base else ""
        cells = [f"{row['p50_ms']:.3f}", ratio, f"{row['p95_ms']:.3f}", f"{row['requests_per_second']:,.0f}"]
        lines.append([_named(name, row), *cells, f"{row['same']:.0%}"])
    return markdown(RANKING, lines)


def _named(name: str, row: Row) -> str:
    return name if name.startswith(OURS) else f"{name} ({row['library']})"


def _excuse(name: str, row: Row, width: int) -> list[str]:
    if "missing" in row:
        told = f"{row['module']} is missing: pip install {row['missing']} (pinned in benchmarks/peers_speed.txt)"
    elif "stopped" in row:
        told = f"ended after {row['stopped']:,.0f} s, the budget"
    else:
        told = f"failed: {row['failed']}"
    return [name, told.replace("|", "/"), *[""] * (width - 2)]


def _about(split: TimeSplit, floor: float, threads: int) -> str:
    """What was measured, and on what."""
    cpu = Path("/proc/cpuinfo")
    model = re.search(r"^model name\s*:\s*(.+)$", cpu.read_text(), re.MULTILINE) if cpu.exists() else None
    versions = environment(0)["versions"]
    parts = f"{len(split.train):,} training, {len(split.row_indices(Split.TEST)):,} test ratings"
    sizes = f"{split.train[USER_ID].nunique():,} users, {split.train[ITEM_ID].nunique():,} items"
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{parts}, {sizes}; best reachable test RMSE {floor:.4f}; the {TOP} best items of a user.\n"
        f"{model[1] if model else platform.processor()}, {threads} threads of {os.cpu_count()} CPUs{load}; Python "
        f"{platform.python_version()}, " + ", ".join(f"{name} {version}" for name, version in versions.items())
    )


if __name__ == "__main__":
    main()
