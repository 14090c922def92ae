"""The Trainer's `run_fn`, for ratings and for events: a thin adapter over the training loop and the exporter."""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tfx.components.trainer.fn_args_utils import FnArgs

from components.staging import local_input, local_output
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import AnyConfig, Config, config_from_dict
from rrn_tf.console.progress import training_listener
from rrn_tf.data.load_events import load_events
from rrn_tf.serving.export import export_saved_model
from rrn_tf.serving.export_events import export_event_model
from rrn_tf.training import truncated_bptt
from rrn_tf.training.alternating import train
from rrn_tf.training.devices import make_strategy
from rrn_tf.training.workers import is_chief
from rrn_tf.tuning.space import with_settings

Result = TypeVar("Result")


def run_fn(fn_args: FnArgs) -> None:
    """Trains on prepared sequences and exports the SavedModel; of several workers, the chief exports.

    Args:
      fn_args: `train_files` lie one folder below the prepared data set; `custom_config["config"]`
        holds plain values of `rrn_tf.config.Config`, in which `hyperparameters`, if any, take their places.
    """
    config = _config(fn_args, Config)
    _train(
        fn_args,
        config,
        lambda data, work, **rest: train(data, work, config, **rest),
        lambda result, path: export_saved_model(result.snapshot(), path),
    )


def event_run_fn(fn_args: FnArgs) -> None:
    """As `run_fn`, a Collaborative RNN on prepared events.

    Args:
      fn_args: as those of `run_fn`; `config` holds plain values of `CollaborativeConfig`.
    """
    config = _config(fn_args, CollaborativeConfig)
    _train(
        fn_args,
        config,
        lambda data, work, **rest: truncated_bptt.train(load_events(data), work, config, **rest),
        export_event_model,
    )


def _config(fn_args: FnArgs, kind: type[AnyConfig]) -> AnyConfig:
    tuned = (fn_args.hyperparameters or {}).get("values", {})
    return config_from_dict(with_settings(fn_args.custom_config["config"], tuned), kind)


def _train(
    fn_args: FnArgs,
    config: Config | CollaborativeConfig,
    train_on: Callable[..., Result],
    export: Callable[[Result, Path], None],
) -> None:
    strategy = make_strategy(config.training.replicas)
    with local_input(sequences_root(fn_args.train_files)) as data, tempfile.TemporaryDirectory() as work:
        if not is_chief(strategy):
            train_on(data, work, strategy=strategy)
            return
        with local_output(fn_args.model_run_dir) as logs, training_listener() as listener:
            result = train_on(data, work, log_dir=logs, strategy=strategy, listeners=[listener])
        with local_output(fn_args.serving_model_dir) as model:
            export(result, model)


def sequences_root(train_files: list[str]) -> str:
    """The prepared data set that the Trainer's file patterns (``root/Split-NAME/*``) belong to.

    Raises:
      ValueError: where they belong to several.
    """
    roots = {posixpath.dirname(posixpath.dirname(pattern)) for pattern in train_files}
    if len(roots) != 1:
        raise ValueError(f"expected the sequences of one prepared data set, found {', '.join(sorted(roots))}")
    return roots.pop()
