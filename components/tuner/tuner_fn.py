"""The Tuner's `tuner_fn`: a thin adapter over the search."""

from __future__ import annotations

import tempfile
import weakref

import click
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from components.staging import local_input
from components.trainer.run_fn import sequences_root, task_and_config
from rrn_tf.tuning.space import SearchSpace
from rrn_tf.tuning.tuner import SettingTuner
from rrn_tf.tuning.validation import without_test


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """Searches settings of `model` and `training` on prepared sequences, without test data.

    Args:
      fn_args: `train_files` as in `components.trainer.run_fn.run_fn`; `custom_config` holds `model` and `config`
        likewise, and plain values: `space` of `rrn_tf.tuning.space.SearchSpace`, `seconds` and `max_trials`.
    """
    options = fn_args.custom_config
    task, config = task_and_config(fn_args, {})
    with local_input(sequences_root(fn_args.train_files)) as data:
        sequences = without_test(task.load(data))
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
