"""Measures reading, phases and refreshes of training in several processes, each on one core, on generated ratings.

python -m benchmarks.several_workers --ratings 1000000 --workers 1 --workers 2
python -m benchmarks.several_workers --config rrn-plus --workers 1 --workers 2
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import benchmarks.memory_by_stage as by_stage
from rrn_tf.bench.load import Load, netflix_like
from rrn_tf.bench.ports import free_ports
from rrn_tf.cli.options import CONFIG_HELP, SET_HELP, json_option, one_line_errors, write_json
from rrn_tf.config import Config, load_config
from rrn_tf.environment import environment, peak_memory_bytes
from rrn_tf.features import SIDES, Split

if TYPE_CHECKING:
    from rrn_tf.data.sequences import RatingSequences

_SEED = 0
Figures = dict[str, Any]


def measure(folder: Path, config: Config, workers: int, epochs: int) -> list[Figures]:
    """Trains in several processes and returns the figures of each, in their order (see `train_worker`).

    Args:
      folder: the prepared ratings.
      config: sizes of the network and settings of training.
      workers: how many processes; they take the machine's cores in turn.
      epochs: how many epochs are timed, after one for warming up.
    """
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as apart:
        parts = [apart.submit(train_worker, folder, config, epochs, addresses, index) for index in range(workers)]
        return [part.result() for part in parts]


def train_worker(folder: Path, config: Config, epochs: int, addresses: list[str], index: int) -> Figures:
    """Trains as one of several workers, on one core, without first and Bayesian factors and validation.

    Args:
      folder, config, epochs: as for `measure`.
      addresses: those of all workers.
      index: this worker's among them.

    Returns:
      For each side ``{side}_phase`` and ``{side}_refresh``: ``seconds`` and ``cpu_seconds`` of the fastest timed epoch,
      and ``bytes`` that this worker received from each epoch; of a phase these are computed (see `_gradient_bytes`).
      ``read`` has the first two of reading. ``rating_bytes`` and ``step_bytes`` are those of the sequences that the
      worker holds, ``ratings`` and ``steps`` the numbers of all; ``peak_memory_bytes``.
    """
    # Before TensorFlow, which has as many threads as it finds cores, and connects by its first operation.
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[index % len(cores)]})
    if len(addresses) > 1:
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        os.environ["TF_CONFIG"] = json.dumps(task)

    import numpy as np
    import tf_keras as keras

    from rrn_tf.data.allocator import reused_memory
    from rrn_tf.data.batches import plan_batches
    from rrn_tf.states.step_states import StepStates
    from rrn_tf.training.alternating import make_model
    from rrn_tf.training.devices import make_strategy
    from rrn_tf.training.phases import Phase
    from rrn_tf.training.pretraining import start_at_mean
    from rrn_tf.training.training_data import TrainingData
    from rrn_tf.training.workers import Workers

    strategy, settings = make_strategy(), config.training
    keras.utils.set_random_seed(_SEED)
    peers = Workers(strategy)
    data, read = _timed(TrainingData, folder, config, strategy.num_replicas_in_sync, peers)
    sequences = data.sequences
    with strategy.scope(), reused_memory():
        model = make_model(config, sequences)
        start_at_mean(model, sequences.metadata.rating_mean)
        plans = {
            side: plan_batches(sequences.side(side), sequences.metadata, settings.rows_per_batch, peers.count)
            for side in SIDES
        }
        states = StepStates(model, sequences, plans, peers=peers)
    phases = [Phase(side, model, states, plans[side], settings, strategy) for side in SIDES]
    states.refresh_all()
    rng, found = np.random.default_rng(_SEED), []
    with reused_memory():
        for _ in range(1 + epochs):
            epoch: Figures = {}
            for phase in phases:
                epoch[f"{phase.side.value}_rmse"], epoch[f"{phase.side.value}_phase"] = _timed(phase.run, rng)
                before = peers.received
                _, refresh = _timed(states.refresh, phase.side)
                epoch[f"{phase.side.value}_refresh"] = {**refresh, "bytes": peers.received - before}
            found.append(epoch)
    best = {
        name: min((epoch[name] for epoch in found[1:]), key=lambda timed: timed["seconds"])
        for name in found[0]
        if not name.endswith("rmse")
    }
    for phase in phases:
        best[f"{phase.side.value}_phase"]["bytes"] = _gradient_bytes(phase, plans[phase.side], peers)
    losses = {name: value for name, value in found[-1].items() if name.endswith("rmse")}
    return {
        "read": {**read, "bytes": 0},
        **best,
        **losses,
        **_held(sequences),
        "peak_memory_bytes": peak_memory_bytes(),
    }


def _held(sequences: RatingSequences) -> dict[str, int]:
    """Counts all ratings and steps, and the bytes of what is held of them in flat arrays."""
    sides = [sequences.side(side) for side in SIDES]
    columns = [column for of in sides for column in (of.opposite, of.opposite_row, of.rating, of.timestamp, of.split)]
    by_step = [
        column for of in sides for column in (of.step, of.rating_splits, of.row_entity, of.place, *(of.divided or ()))
    ]
    return {
        "ratings": sum(map(sequences.count, Split)),
        "steps": sum(of.num_rows for of in sides),
        "rating_bytes": sum(column.nbytes for column in columns),
        "step_bytes": sum(column.nbytes for column in by_step),
    }


def _timed(call: Any, *arguments: Any) -> tuple[Any, dict[str, float]]:
    begin, cpu = time.perf_counter(), _cpu_seconds()
    found = call(*arguments)
    return found, {"seconds": time.perf_counter() - begin, "cpu_seconds": _cpu_seconds() - cpu}


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _gradient_bytes(phase: Any, plan: Any, peers: Any) -> int:
    """Computes the bytes that a worker receives in a phase: sums of dense gradients, others' rows of sparse ones.

    In a ring of n workers each receives ``2 (n - 1) / n`` times a dense gradient, and the rows of n - 1 others, of
    which its own shares say how many they are.
    """
    dense = 4 * sum(variable.shape.num_elements() for variable in phase._dense_variables)
    rows, factors = phase._embeddings, phase.factor_variables[0].shape[1]
    sparse = 0
    for batch in plan.batches:
        share = batch[peers.number]
        sparse += sum(4 * (table.shape[1] + 1) * len(share.distinct) for table in rows)
        sparse += 4 * (factors + 1) * len(share.entity) if factors else 0
    others = peers.count - 1
    return int(2 * others / peers.count * dense * len(plan) + others * sparse)


def lines(by_workers: dict[int, list[Figures]]) -> list[str]:
    """Returns the figures as a table: the slowest process of each part, and bytes and peak memory of the largest."""
    rows = [f"{'':14}{'processes':>10}{'seconds':>10}{'cpu s':>10}{'MB received':>13}"]
    for name in next(iter(by_workers.values()))[0]:
        if name.endswith(("read", "_phase", "_refresh")):
            for workers, of in by_workers.items():
                seconds, cpu, received = (
                    max(one[name][key] for one in of) for key in ("seconds", "cpu_seconds", "bytes")
                )
                rows.append(f"{name:14}{workers:10}{seconds:10.2f}{cpu:10.2f}{received / 1e6:13.2f}")
    for workers, of in by_workers.items():
        peak = max(one["peak_memory_bytes"] for one in of)
        losses = ", ".join(f"{side.value} {of[0][f'{side.value}_rmse']:.6f}" for side in SIDES)
        held = max(one["rating_bytes"] / one["ratings"] for one in of)
        rows.append(
            f"{workers} processes: {held:.1f} bytes a rating in sequences and {peak / 1e9:.2f} GB at the peak of the "
            f"largest; last losses {losses}"
        )
    return rows


@click.command()
@click.option("--ratings", default=300_000, show_default=True, type=click.IntRange(min=1000))
@click.option("--users", type=click.IntRange(min=2), help="[default: one for 50 ratings]")
@click.option("--items", type=click.IntRange(min=2), help="[default: one for 500 ratings]")
@click.option("--workers", multiple=True, default=(1, 2), show_default=True, type=click.IntRange(min=1))
@click.option("--epochs", default=2, show_default=True, type=click.IntRange(min=1), help="Timed, after one more.")
@click.option("--config", "config_name", default="paper-netflix", show_default=True, help=CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@json_option
def main(
    ratings: int,
    users: int | None,
    items: int | None,
    workers: tuple[int, ...],
    epochs: int,
    config_name: str,
    overrides: tuple[str, ...],
    json_file: str | None,
) -> None:
    """Prints seconds, processor seconds, bytes and peak memory of training in several processes."""
    with one_line_errors():
        config = load_config(config_name, ("model.bayesian_factors=0", *overrides))
        described = netflix_like(ratings, users or max(ratings // 50, 2), items or max(ratings // 500, 2), 0)
        data = config.data
        load = Load(described, data.user_granularity, data.item_granularity, data.steps_per_doubling)
        click.echo(f"{load}; {load.steps}; one core a process, {os.cpu_count()} cores")
        with tempfile.TemporaryDirectory(prefix="rrn-workers-") as folder:
            by_stage.measure(load, config, Path(folder), ("generate", "prepare"))
            found = {count: measure(Path(folder, "sequences"), config, count, epochs) for count in workers}
        for line in lines(found):
            click.echo(line)
        write_json(json_file, {"workers": found, "load": load.as_dict(), **environment(0)})


if __name__ == "__main__":
    main()
