"""Measures seconds and peak memory of every stage of `rrn train`, from a file of generated ratings to a saved model.

    python -m benchmarks.memory_by_stage --ratings 3000000
    python -m benchmarks.memory_by_stage --ratings 100480507 --users 480189 --items 17770

Ratings are generated as in `rrn bench`, over as many days as the Netflix Prize data, and split by time as configured.
Generating, preparing and training are processes of their own, as they are for whoever prepares once and trains later,
so that no figure includes another process's memory. The slope between two numbers of ratings is the bytes a rating.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from rrn_tf.bench.load import Load, netflix_like, write_csv
from rrn_tf.cli.options import CONFIG_HELP, SET_HELP, json_option, one_line_errors, write_json
from rrn_tf.config import Config, load_config
from rrn_tf.environment import environment, peak_memory_bytes, reset_peak_memory
from rrn_tf.features import SIDES

STAGES = ("generate", "prepare", "train")
Figures = dict[str, dict[str, float]]


class StageClock:
    """Notes seconds, processor seconds and peak memory of one stage after another.

    Attributes:
      figures: by name of the stage, ``seconds``, ``cpu_seconds`` and ``peak_memory_bytes``.
    """

    def __init__(self) -> None:
        self.figures: Figures = {}
        self._start()

    def end(self, name: str) -> None:
        """Ends the present stage under this name, and begins the next one."""
        seconds, cpu = time.perf_counter() - self._begin, _cpu_seconds() - self._cpu
        self.figures[name] = {"seconds": seconds, "cpu_seconds": cpu, "peak_memory_bytes": peak_memory_bytes()}
        self._start()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times a stage that is a block of code."""
        self._start()
        yield
        self.end(name)

    def _start(self) -> None:
        reset_peak_memory()
        self._begin, self._cpu = time.perf_counter(), _cpu_seconds()


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def generate_file(load: Load, folder: Path, config: Config) -> Figures:
    """Writes the ratings as CSV."""
    clock = StageClock()
    with clock.stage("generate"):
        write_csv(load, folder / "ratings.csv")
    return clock.figures


def prepare_file(load: Load, folder: Path, config: Config) -> Figures:
    """Prepares the file's sequences as `rrn train` does."""
    from rrn_tf.beam.prepare import prepare_sequences

    clock = StageClock()
    with clock.stage("prepare"):
        prepare_sequences(
            str(folder / "ratings.csv"),
            str(folder / "sequences"),
            config.data,
            dead_letters=str(folder / "dead_letters.jsonl"),
        )
    return clock.figures


def train_prepared(load: Load, folder: Path, config: Config) -> Figures:
    """Reads the sequences, trains the configured epochs and exports the model."""
    from rrn_tf.data.load_ratings import load_sequences
    from rrn_tf.serving.export import export_saved_model
    from rrn_tf.training.alternating import train
    from rrn_tf.training.listeners import Listener

    clock = StageClock()

    class Stages(Listener):
        def on_start(self, description: str) -> None:
            clock.end("batches, states")

        def on_batch(self, epoch: int, phase: str, done: int, of: int) -> None:
            if epoch == 1 and done == 1:
                clock.end("first factors" if phase == "user_phase" else "user states")
            if epoch == 1 and done == of:
                clock.end(phase.replace("_", " "))

        def on_epoch(self, record: Any) -> None:
            if record.epoch == 1:
                clock.end("item states, validation")

    with clock.stage("read sequences"):
        sequences = load_sequences(folder / "sequences")
    for side in SIDES:
        clock.figures["read sequences"][f"{side.value}_rows"] = sequences.side(side).num_rows
    result = train(sequences, folder / "checkpoints", config, listeners=[Stages()])
    clock.end("predictions")
    del sequences
    with clock.stage("export"):
        export_saved_model(result.snapshot(), folder / "model")
    return clock.figures


_RUN: dict[str, Callable[[Load, Path, Config], Figures]] = {
    "generate": generate_file,
    "prepare": prepare_file,
    "train": train_prepared,
}


def measure(load: Load, config: Config, folder: Path, stages: tuple[str, ...]) -> Figures:
    """Runs processes of some of `STAGES` one after another, and returns the figures of each of their stages.

    Args:
      load: the ratings.
      config: settings of preparation and training.
      folder: holds all files; those of stages that are not run have to be there.
      stages: names of `STAGES`, in that order.
    """
    figures: Figures = {}
    for name in stages:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
            figures |= apart.submit(_RUN[name], load, folder, config).result()
    return figures


def lines(figures: Figures, ratings: int) -> list[str]:
    """Returns the figures as a table: a line for every stage."""
    rows = [f"{'stage':26}{'seconds':>10}{'cpu s':>10}{'peak GB':>10}{'bytes/rating':>14}"]
    for name, of in figures.items():
        peak = of["peak_memory_bytes"]
        rows.append(f"{name:26}{of['seconds']:10.1f}{of['cpu_seconds']:10.1f}{peak / 1e9:10.2f}{peak / ratings:14.0f}")
    if "read sequences" in figures:
        user, item = (int(figures["read sequences"][f"{side.value}_rows"]) for side in SIDES)
        rows.append(f"{user:,} steps of users, {item:,} steps of items")
    return rows


@click.command()
@click.option("--ratings", default=1_000_000, show_default=True, type=click.IntRange(min=1000))
@click.option("--users", type=click.IntRange(min=2), help="[default: one for 209 ratings, as on Netflix]")
@click.option("--items", default=17_770, show_default=True, type=click.IntRange(min=2))
@click.option("--days", default=2_243, show_default=True, type=click.IntRange(min=2), help="Netflix's, by default.")
@click.option("--stage", "stages", multiple=True, type=click.Choice(STAGES), help="Repeatable.  [default: all]")
@click.option("--folder", type=click.Path(path_type=Path), help="Keeps the files here, for stages that run later.")
@click.option("--config", "config_name", default="paper-netflix", show_default=True, help=CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@json_option
def main(
    ratings: int,
    users: int | None,
    items: int,
    days: int,
    stages: tuple[str, ...],
    folder: Path | None,
    config_name: str,
    overrides: tuple[str, ...],
    json_file: str | None,
) -> None:
    """Prints seconds and peak memory of every stage of training on generated ratings."""
    with one_line_errors():
        config = load_config(config_name, ("training.epochs=1", *overrides))
        described = dataclasses.replace(netflix_like(ratings, users or max(ratings // 209, 2), items, 0), days=days)
        load = Load(described, config.data.user_granularity, config.data.item_granularity)
        click.echo(f"{load}; {load.steps}")
        with tempfile.TemporaryDirectory(prefix="rrn-memory-") as temporary:
            place = folder or Path(temporary)
            place.mkdir(parents=True, exist_ok=True)
            figures = measure(load, config, place, stages or STAGES)
        for line in lines(figures, ratings):
            click.echo(line)
        write_json(json_file, {"stages": figures, "load": load.as_dict(), **environment(0)})


if __name__ == "__main__":
    main()
