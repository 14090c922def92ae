"""Measures the time of a whole training and of its stages, from prepared sequences to predictions."""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

from rrn_tf.bench.load import Load, load_in_memory
from rrn_tf.bench.rrn import seeded
from rrn_tf.config import Config
from rrn_tf.environment import peak_memory_bytes
from rrn_tf.features import Split
from rrn_tf.training.alternating import train
from rrn_tf.training.devices import make_strategy
from rrn_tf.training.listeners import EpochRecord, Listener

_NAMES = {
    "batches": "batches",
    "factors": "Bayesian factors",
    "user_phase": "user phases",
    "item_phase": "item phases",
    "validation": "validation",
    "predictions": "predictions",
    "other": "the rest",
}
_NOTES = {
    "batches": "the model, and both sides cut into batches",
    "predictions": "of all ratings by both protocols",
    "other": "first states and their validation, stationary factors, checkpoints, weights of the parts",
}


class _Clock(Listener):
    """A listener that records when stages begin and prints their descriptions.

    Attributes:
      started: time when the batches were complete, in seconds of `time.perf_counter`.
      stages: description and starting time of each stage.
    """

    def __init__(self, echo: Callable[[str], None]) -> None:
        self._echo = echo
        self.started = 0.0
        self.stages: list[tuple[str, float]] = []

    def on_start(self, description: str) -> None:
        self.started = time.perf_counter()
        self._echo(f"         {description}")

    def on_stage(self, description: str) -> None:
        self.stages.append((description, time.perf_counter()))
        self._echo(f"         {description}")

    def on_epoch(self, record: Any) -> None:
        self._echo(f"         {record.summary()}")

    def between(self, first: str, second: str) -> float:
        """Returns the seconds from one stage to a later one, by the prefixes of their descriptions; 0 without them."""
        begin, end = (next((at for what, at in self.stages if what.startswith(name)), None) for name in (first, second))
        return 0.0 if begin is None or end is None else end - begin


def bench_training(load: Load, config: Config, echo: Callable[[str], None]) -> dict[str, Any]:
    """Trains as `rrn train` does on prepared sequences, in memory and on one device, and times the stages.

    The load is split by time as configured (`data.split.train_fraction`, 0.8): one half of the later ratings is for
    validation, the other for test. Training runs all epochs, unless its patience ends it earlier, each with validation
    by the protocols of `training.selection`. Generating the load, in place of preparing sequences, and exporting a
    saved model are not timed; compilation and checkpoints are.

    Factors of the load do not drift, so that a network may learn little in addition to the Bayesian factors, and
    patience may end training earlier than on real ratings: `all_epochs_seconds` estimates the time of all epochs, and
    ``--set training.patience=0`` runs them.

    Args:
      load: training data; its seed is that of training, and its time steps are the data's.
      config: sizes of the network and settings of training.
      echo: prints a line.

    Returns:
      `train_seconds`, the total; `all_epochs_seconds`, the total if all epochs were run, each further one with the
      median time; `stages`, seconds of ``batches``, ``factors`` (fitting the Bayesian factors; 0 without),
      ``user_phase`` and ``item_phase`` (all epochs, each with the refresh of cached states), ``validation`` (all
      epochs), ``predictions`` (all ratings by both protocols) and ``other``, which add up to the total;
      `epoch_stages`, the median over epochs of the stages within an epoch, without the first epoch, which compiles,
      if there are more; number of `epochs` and the `best_epoch`; `train_ratings` by split; `metrics` by split and
      protocol; `peak_memory_bytes` of this process so far.

    Raises:
      ValueError: for more than one replica.
      TrainingError: as `rrn_tf.training.alternating.train`.
    """
    config = seeded(config, load)
    sequences = load_in_memory(load, config.data.split.train_fraction)
    echo(f"load     {load}")
    echo(f"         {load.steps}; split by time, {config.data.split.train_fraction:.0%} for training")
    clock = _Clock(echo)
    with tempfile.TemporaryDirectory(prefix="rrn-bench-") as folder:
        begin = time.perf_counter()
        result = train(sequences, folder, config, strategy=make_strategy(1), listeners=[clock])
        end = time.perf_counter()
    peak, history = peak_memory_bytes(), result.history
    found = {
        "batches": clock.started - begin,
        "factors": clock.between("fitting Bayesian factors", "factors: "),
        **{name: sum(seconds(record) for record in history) for name, seconds in _OF_EPOCH.items()},
        "predictions": end - next(at for what, at in clock.stages if what.startswith("predicting")),
    }
    total = end - begin
    stages = {**found, "other": total - sum(found.values())}
    usual = history[1:] or history
    by_epoch = {
        name: statistics.median(seconds(record) for record in usual) for name, seconds in _OF_EPOCH.items() if usual
    }
    most = config.training.epochs
    all_epochs = total + (most - len(history)) * sum(by_epoch.values())
    ended = f" (all {most}: about {all_epochs:.1f} s)" if len(history) < most else ""
    echo(
        f"train    {total:.1f} s: {len(history)} epochs of {most} at most{ended}, the best one {result.best_epoch}; "
        f"{peak / 1e9:.2f} GB at the peak"
    )
    for name, seconds in stages.items():
        note = f"{by_epoch[name]:.2f} s an epoch" if name in by_epoch else _NOTES.get(name, "")
        echo(f"         {_NAMES[name]:16} {seconds:9.2f} s  {seconds / total:4.0%}  {note}".rstrip())
    figures = {
        "train_seconds": total,
        "all_epochs_seconds": all_epochs,
        "stages": stages,
        "epoch_stages": by_epoch,
        "epochs": len(history),
        "best_epoch": result.best_epoch,
        "train_ratings": {split.label: sequences.metadata.ratings[split.label] for split in Split},
        "metrics": result.metrics,
        "peak_memory_bytes": peak,
    }
    # Frees memory before the next measurement.
    del result, sequences
    gc.collect()
    return figures


_OF_EPOCH: dict[str, Callable[[EpochRecord], float]] = {
    "user_phase": lambda record: record.user_seconds,
    "item_phase": lambda record: record.item_seconds,
    "validation": lambda record: record.valid_seconds,
}
