"""A training run: prepares ratings or events, trains a model and exports it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rrn_tf.data.items import items_of, keep_items, line_of_items, titles
from rrn_tf.data.sequence_files import read_vocabulary
from rrn_tf.environment import environment
from rrn_tf.features import Side
from rrn_tf.files import write_whole
from rrn_tf.runs.directory import RunPaths, prepare_once
from rrn_tf.runs.update_run import replace_directory
from rrn_tf.serving.saved_facts import keep_max_bad_share
from rrn_tf.slow_work import working
from rrn_tf.tasks import Settings, Task, task_of
from rrn_tf.training.listeners import Listener, Listeners
from rrn_tf.training.tensorboard import MOST_ITEMS, write_trained
from rrn_tf.training.workers import from_chief

if TYPE_CHECKING:
    import pandas as pd
    import tensorflow as tf


def train_run(
    pattern: str,
    output: str | Path,
    config: Settings,
    *,
    valid: str | None = None,
    strategy: tf.distribute.Strategy | None = None,
    listeners: Sequence[Listener] = (),
    on_prepared: Callable[[Any], None] = lambda metadata: None,
    best_error: Callable[[pd.DataFrame], float] | None = None,
    items: pd.DataFrame | None = None,
    beam_args: Sequence[str] = (),
    resume: bool = False,
) -> dict[str, Any]:
    """Prepares ratings or events, trains a model and exports it into a run directory.

    Args:
      pattern: the files of ratings (see `rrn_tf.beam.prepare`) or events (see `rrn_tf.beam.prepare_events`).
      output: the run directory.
      config: the complete configuration; its class decides whether a rating model or a Collaborative RNN is
        trained.
      valid: files of later ratings or events for validation, instead of a split of `pattern`; for events there is then
        no test split.
      strategy: the devices to train on; by default `make_strategy(config.training.replicas)`. Of several workers the
        chief calls this function, and the others `train_worker`.
      listeners: notified of the training's progress.
      on_prepared: called with the prepared data's metadata (`SequenceMetadata` or `EventMetadata`) before training.
      best_error: for generated data, a function that returns the best reachable RMSE on rows with user_id and item_id;
        for generated events, the best reachable loss on rows with user_id and timestamp.
      items: titles and other attributes of items (`rrn_tf.data.items.read_items`), which are kept with the model.
      beam_args: Beam pipeline options, passed through.
      resume: whether to resume the run in this directory from its last finished phase; if there is none, start anew.

    Returns:
      The content of `metrics.json`: metrics by split and protocol, the history, seconds, peak memory,
      versions and the seed.

    Raises:
      ResumeError: if the directory holds a run on other data or with another model.
      WorkerError: if another worker stops.
    """
    task, paths = task_of(config), RunPaths(Path(output))
    seconds, listener = {}, Listeners(listeners)

    begin = time.perf_counter()
    listener.on_stage(f"preparing {task.rows}")

    def prepare(to: RunPaths) -> None:
        options: dict[str, Any] = {"valid": valid, "dead_letters": str(to.dead_letters), "beam_args": beam_args}
        with working(f"preparing {task.rows}"):
            task.prepare(pattern, to.sequences, config.data, **options)

    resumed = prepare_once(paths, config, {"data": pattern, "valid": valid}, prepare, resume=resume)
    if strategy:  # the other workers wait for this value in `train_worker`
        from_chief(strategy, int(resumed))
    seconds["prepare"] = time.perf_counter() - begin
    metadata = task.metadata(paths.sequences)
    on_prepared(metadata)
    if items is not None:
        listener.on_stage(line_of_items(items, read_vocabulary(paths.sequences, Side.ITEM)))

    begin = time.perf_counter()
    result = task.train(
        paths.sequences,
        paths.checkpoints,
        config,
        log_dir=paths.logs,
        strategy=strategy,
        listeners=[listener],
        resume=resumed,
    )
    seconds["train"] = time.perf_counter() - begin

    begin = time.perf_counter()
    listener.on_stage("exporting the model")

    def write(folder: Path) -> None:
        task.export(result, folder)
        keep_max_bad_share(folder, config.data.max_bad_share)
        keep_items(items, folder)

    with working("exporting the model"):
        replace_directory(paths.model, write)
    seconds["export"] = time.perf_counter() - begin

    summary = {
        **task.figures(result, best_error, listener.on_stage),
        **record_of(result, config, task.counts(metadata), seconds),
    }
    write_whole(paths.metrics, json.dumps(summary, indent=2) + "\n")
    log_trained(task, result, summary, paths.logs, paths.model)
    return summary


def log_trained(task: Task, result: Any, figures: Mapping[str, Any], logs: Path, model: Path) -> None:
    """Writes a trained model's figures, states and items to the logs of TensorBoard.

    Args:
      task: the task.
      result: the result of training.
      figures: those of `task.figures`.
      logs: the directory of the logs.
      model: the SavedModel, with which titles of items may be kept.
    """
    with working("writing logs"):
        states = task.trained_states(result, MOST_ITEMS)
        write_trained(logs, result.best_epoch, figures, states, titles(items_of(model)))


def record_of(result: Any, config: Settings, counts: Mapping[str, Any], seconds: Mapping[str, float]) -> dict[str, Any]:
    """Returns what `metrics.json` holds besides figures: epochs, counts of rows, seconds by stage, versions, seed."""
    return {
        "best_epoch": result.best_epoch,
        "epochs": [record.as_dict() for record in result.history],
        **counts,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        **environment(config.training.seed),
    }


def train_worker(output: str | Path, config: Settings, strategy: tf.distribute.Strategy) -> None:
    """Runs a worker that is not the chief: waits for the prepared data, then trains together with the chief.

    Args:
      output: the chief's run directory, on a file system that all workers see.
      config: the chief's configuration.
      strategy: a distribution strategy of several workers.

    Raises:
      WorkerError: if the chief or another worker stops.
    """
    paths = RunPaths(Path(output))
    resumed = bool(from_chief(strategy, 0))
    task_of(config).train(paths.sequences, paths.checkpoints, config, strategy=strategy, resume=resumed)
