"""The Tuner's `tuner_fn`, for ratings and for events: a thin adapter over the search."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path

import click
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from components.staging import local_input
from components.trainer.run_fn import sequences_root
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import Config, config_from_dict
from rrn_tf.data.load_events import load_events
from rrn_tf.data.sequences import load_sequences
from rrn_tf.tuning.kinds import Settings
from rrn_tf.tuning.space import SearchSpace
from rrn_tf.tuning.tuner import SettingTuner
from rrn_tf.tuning.validation import Sequences, without_test


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """Searches settings of `model` and `training` on prepared sequences, test ratings set aside.

    Args:
      fn_args: `train_files` as those of `components.trainer.run_fn.run_fn`; `custom_config` holds plain values:
        `config` of `rrn_tf.config.Config`, `space` of `rrn_tf.tuning.space.SearchSpace`, `seconds` and `max_trials`.
    """
    return _search(fn_args, config_from_dict(fn_args.custom_config["config"], Config), load_sequences)


def event_tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """As `tuner_fn`, of a Collaborative RNN on prepared events.

    Args:
      fn_args: as those of `tuner_fn`; `config` holds plain values of `CollaborativeConfig`.
    """
    return _search(fn_args, config_from_dict(fn_args.custom_config["config"], CollaborativeConfig), load_events)


def _search(fn_args: FnArgs, config: Settings, load: Callable[[Path], Sequences]) -> TunerFnResult:
    options = fn_args.custom_config
    with local_input(sequences_root(fn_args.train_files)) as data:
        sequences = without_test(load(data))
    work = tempfile.TemporaryDirectory(prefix="rrn-tune-")
    tuner = SettingTuner(
        SearchSpace.from_dict(options["space"], config, data=False),
        config,
        lambda prepared: sequences,
        work.name,
        max_trials=options["max_trials"],
        seconds=options["seconds"],
        echo=click.echo,
    )
    weakref.finalize(tuner, work.cleanup)
    return TunerFnResult(tuner=tuner, fit_kwargs={})
