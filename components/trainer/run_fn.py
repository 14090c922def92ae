"""The Trainer's `run_fn`: a thin adapter over the training loop and the exporter of a task."""

from __future__ import annotations

import json
import posixpath
import tempfile
import time
from typing import Any

import pandas as pd
from tfx.components.trainer.fn_args_utils import FnArgs

from components.staging import local_file, local_input, local_output
from rrn_tf.config import config_from_dict, dump_config
from rrn_tf.console.progress import training_listener
from rrn_tf.data.items import keep_items, line_of_items, read_items
from rrn_tf.data.sequence_files import read_vocabulary
from rrn_tf.features import Side
from rrn_tf.runs.directory import RunPaths
from rrn_tf.runs.training_run import log_trained, record_of
from rrn_tf.serving.saved_facts import keep_max_bad_share
from rrn_tf.tasks import TASKS, Settings, Task
from rrn_tf.training.devices import make_strategy
from rrn_tf.training.workers import is_chief
from rrn_tf.tuning.space import with_settings


def run_fn(fn_args: FnArgs) -> None:
    """Trains on prepared sequences and exports the SavedModel; of several workers, the chief exports.

    Beside TensorBoard's logs are the configuration and the figures, in the files of a run directory.

    Args:
      fn_args: `train_files` are one folder below the prepared data set; `custom_config` holds `model`, the name of a
        task, `config`, plain values of its configuration, some of which `hyperparameters`, if any, replace, and, where
        titles of items are known, `items`, the file of them.
    """
    tuned = (fn_args.hyperparameters or {}).get("values", {})
    task, config = task_and_config(fn_args, tuned)
    strategy = make_strategy(config.training.replicas)
    with local_input(sequences_root(fn_args.train_files)) as data, tempfile.TemporaryDirectory() as work:
        if not is_chief(strategy):
            task.train(data, work, config, strategy=strategy)
            return
        items = described_items(fn_args.custom_config)
        with (
            local_output(fn_args.model_run_dir) as logs,
            local_output(fn_args.serving_model_dir) as model,
            training_listener() as listener,
        ):
            if items is not None:
                listener.on_stage(line_of_items(items, read_vocabulary(data, Side.ITEM)))
            begin = time.perf_counter()
            result = task.train(data, work, config, log_dir=logs, strategy=strategy, listeners=[listener])
            seconds = {"train": time.perf_counter() - begin}
            paths = RunPaths(logs)
            dump_config(config, paths.config)
            figures = task.figures(result, None, listener.on_stage)
            record = record_of(result, config, task.counts(task.metadata(data)), seconds)
            paths.metrics.write_text(json.dumps({**figures, **record}, indent=2) + "\n")
            task.export(result, model)
            keep_max_bad_share(model, config.data.max_bad_share)
            keep_items(items, model)
            log_trained(task, result, figures, logs, model)


def task_and_config(fn_args: FnArgs, settings: dict[str, Any]) -> tuple[Task, Settings]:
    """Returns the task and configuration of `custom_config`, with some settings replaced, by their path."""
    task = TASKS[fn_args.custom_config["model"]]
    return task, config_from_dict(with_settings(fn_args.custom_config["config"], settings), task.config)


def described_items(custom_config: dict[str, Any]) -> pd.DataFrame | None:
    """Returns the titles and other attributes of items in the file `items` of `custom_config`; None without one."""
    if "items" not in custom_config:
        return None
    with local_file(custom_config["items"]) as file:
        return read_items(file)


def sequences_root(train_files: list[str]) -> str:
    """Returns the root of the prepared data set from the Trainer's file patterns (``root/Split-NAME/*``).

    Raises:
      ValueError: if they belong to several data sets.
    """
    roots = {posixpath.dirname(posixpath.dirname(pattern)) for pattern in train_files}
    if len(roots) != 1:
        raise ValueError(f"expected the sequences of one prepared data set, found {', '.join(sorted(roots))}")
    return roots.pop()
