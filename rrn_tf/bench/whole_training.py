"""How long a whole training takes, from prepared sequences to predictions, and where its time goes."""

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
    """Notes when stages begin and end, and passes their descriptions on.

    Attributes:
      started: when batches were made.
      stages: each description and when it came.
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
        """Seconds from one stage to a later one, by how their descriptions begin; 0 where there was none."""
        begin, end = (next((at for what, at in self.stages if what.startswith(name)), None) for name in (first, second))
        return 0.0 if begin is None or end is None else end - begin


def bench_training(load: Load, config: Config, echo: Callable[[str], None]) -> dict[str, Any]:
    """Trains as `rrn train` does on prepared sequences, in memory and on one device, and times the stages.

    The load is split by time as the settings say (`data.split.train_fraction`, 0.8): of the later ratings one half is
    for validation, the other for test. All epochs of the settings are run, or as many as their patience allows, each
    with its validation by the protocols of `training.selection`. Making the load, which stands for the preparation of
    sequences, is not timed, nor is the export of a saved model; compilation is, and so are checkpoints.

    Tastes of the load do not drift, so that a network may find little to learn beside the factors, and patience may end
    its training earlier than on real ratings: `all_epochs_seconds` says what the most epochs would take, and
    ``--set training.patience=0`` runs them.

    Args:
      load: what to train on; its seed is that of training, and its steps are the data's.
      config: sizes of the network and settings of training.
      echo: is given each line as it is known.

    Returns:
      `train_seconds`, of all; `all_epochs_seconds`, the same if no epoch were left out, each further one as long as the
      median one; `stages`, seconds of ``batches``, ``factors`` (fitting the Bayesian factors; 0 without),
      ``user_phase`` and ``item_phase`` (all epochs, each with the refresh of cached states), ``validation`` (all
      epochs), ``predictions`` (all ratings by both protocols) and ``other``, which add up to it; `epoch_stages`, the
      median over epochs of those that epochs consist of, without the first epoch, which compiles, where there are
      more; `epochs` that were run and the `best_epoch`; `train_ratings` by split; `metrics` by split and protocol;
      `peak_memory_bytes` of this process up to here.

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
    # What is measured next should not find all this still in memory.
    del result, sequences
    gc.collect()
    return figures


_OF_EPOCH: dict[str, Callable[[EpochRecord], float]] = {
    "user_phase": lambda record: record.user_seconds,
    "item_phase": lambda record: record.item_seconds,
    "validation": lambda record: record.valid_seconds,
}
