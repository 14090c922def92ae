"""Runs the Collaborative RNN of its authors and ours in turn on the same files: loss and seconds of an epoch.

The authors' program (github.com/lca4/collaborative-rnn) runs in its own folder, with a Python that has TensorFlow 1:

    python -m benchmarks.side_by_side brightkite-train.txt brightkite-valid.txt \
        --checkout collaborative-rnn --python venv-of-tensorflow-1/bin/python

Both are timed in the same way: wall time from the end of one epoch to the end of the next, including validation. The
first epoch, in which TensorFlow builds its graphs, is left out.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from rrn_tf.cli.options import CONFIG_HELP, SET_HELP, json_option, one_line_errors, resolved_config, write_json
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.evaluation.tables import aligned_text

AUTHORS, OURS = "authors", "rrn_tf"

_EPOCH = re.compile(r"Epoch \d+, valid log-loss: (\S+)")


@click.command()
@click.argument("train_file", metavar="TRAIN", type=click.Path(exists=True, dir_okay=False))
@click.argument("valid_file", metavar="VALID", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--checkout", required=True, type=click.Path(exists=True, file_okay=False), help="Folder of the authors' program."
)
@click.option("--python", required=True, help="Python with TensorFlow 1 that runs the authors' program.")
@click.option("--config", "config_name", default="paper-brightkite", show_default=True, help=CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=f"{SET_HELP} For both programs.")
@click.option("--variant", "variants", multiple=True, metavar="'a.b=c …'", help="Also run ours with these settings.")
@click.option(
    "--rounds",
    default=3,
    show_default=True,
    type=click.IntRange(min=1),
    help="Rounds, each of which runs every program once.",
)
@json_option
def main(
    train_file: str,
    valid_file: str,
    checkout: str,
    python: str,
    config_name: str,
    overrides: tuple[str, ...],
    variants: tuple[str, ...],
    rounds: int,
    json_file: str | None,
) -> None:
    """Runs both programs on TRAIN and VALID in turn, and prints a table. The seed of ours is the round's number."""
    files = [str(Path(file).resolve()) for file in (train_file, valid_file)]
    settings = {OURS: overrides} | {f"{OURS} {text}": (*overrides, *text.split()) for text in variants}
    for own in settings.values():
        resolved_config(config_name, own, CollaborativeConfig)
    with one_line_errors():
        flags = flags_of(resolved_config(config_name, overrides, CollaborativeConfig))
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in (AUTHORS, *settings)}
        for seed in range(rounds):
            runs[AUTHORS].append(run_authors(python, checkout, [*files, *flags]))
            _print_run(AUTHORS, runs[AUTHORS][-1])
            for name, own in settings.items():
                options = [f"--config={config_name}", *(f"--set={text}" for text in own)]
                runs[name].append(run_ours([*files, *options], seed))
                _print_run(name, runs[name][-1])
    click.echo(table(runs))
    write_json(json_file, {"runs": runs, "flags": flags})


def flags_of(config: CollaborativeConfig) -> list[str]:
    """Converts a configuration to flags of the authors' program.

    Raises:
      ValueError: for a setting that their program does not have.
    """
    sizes, settings = config.model, config.training
    theirs = {"cell": "gru", "matrices": "personal", "activation": "sigmoid", "stationary": 0}
    for key, value in theirs.items():
        if (own := getattr(sizes, key)) != value:
            raise ValueError(f"model.{key}: expected {value}, as in the authors' program, found {own}")
    if settings.selection != "interleaved":
        raise ValueError(f"training.selection: expected interleaved, the authors' way, found {settings.selection}")
    flags = {
        "hidden-size": sizes.units,
        "batch-size": settings.users_per_batch,
        "chunk-size": settings.chunk,
        "learning-rate": settings.learning_rate,
        "rho": settings.rho,
        "num-epochs": settings.epochs,
        **({"max-train-chunks": settings.last_chunks} if settings.last_chunks else {}),
    }
    return [f"--{name}={value}" for name, value in flags.items()]


def run_authors(python: str, checkout: str | Path, arguments: Sequence[str]) -> dict[str, Any]:
    """Runs the authors' program once.

    Returns:
      ``nll``, the best of all epochs, ``epoch_seconds``, without the first, and ``load``, the load average at the end.

    Raises:
      RuntimeError: if it fails or prints no epoch.
    """
    ends: list[float] = []
    losses: list[float] = []
    with tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(
            [python, "-u", "crnn.py", *arguments],
            cwd=checkout,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if found := _EPOCH.match(line):
                    ends.append(time.perf_counter())
                    losses.append(float(found[1]))
        if process.returncode or not losses:
            errors.seek(0)
            last = errors.read().strip().splitlines()[-1:] or ["no error message"]
            raise RuntimeError(f"{checkout}: expected epochs of the authors' program, found {last[0]}")
    return _figures(losses, [end - begin for begin, end in itertools.pairwise(ends)])


def run_ours(arguments: Sequence[str], seed: int) -> dict[str, Any]:
    """Runs `benchmarks.crnn_seeds` once in a separate process; returns as `run_authors`."""
    with tempfile.TemporaryDirectory(prefix="rrn-benchmark-") as folder:
        output = Path(folder, "runs.json")
        command = [sys.executable, "-m", "benchmarks.crnn_seeds", *arguments, f"--seeds={seed}", f"--json={output}"]
        done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        (run,) = json.loads(output.read_text())["runs"]
    return _figures([run["valid"]["interleaved"]], run["epoch_seconds"])


def table(runs: dict[str, list[dict[str, Any]]]) -> str:
    """Formats a line for each program: mean, lowest and highest loss of its runs, and seconds of their epochs."""
    lines = []
    for name, of in runs.items():
        losses, seconds = [run["nll"] for run in of], [second for run in of for second in run["epoch_seconds"]]
        loads = [run["load"] for run in of]
        times = [f"{f(seconds):.2f}" if seconds else "" for f in (min, statistics.median)]
        nll = [f"{value:.3f}" for value in (statistics.fmean(losses), min(losses), max(losses))]
        lines.append([name, *nll, *times, f"{min(loads):.1f} to {max(loads):.1f}"])
    return aligned_text(["program", "NLL", "lowest", "highest", "s/epoch", "median", "load"], lines)


def _figures(losses: list[float], seconds: list[float]) -> dict[str, Any]:
    return {"nll": min(losses), "epoch_seconds": seconds, "load": os.getloadavg()[0]}


def _print_run(name: str, run: dict[str, Any]) -> None:
    fastest = f"{min(run['epoch_seconds']):.2f} s an epoch at best, " if run["epoch_seconds"] else ""
    click.echo(f"{name}: NLL {run['nll']:.3f}, {fastest}load {run['load']:.1f}")


if __name__ == "__main__":
    main()
