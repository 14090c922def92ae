"""The Tuner's `tuner_fn`: a thin adapter over the search."""

from __future__ import annotations

import tempfile
import weakref

import click
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from components.staging import local_input
from components.trainer.run_fn import sequences_root
from rrn_tf.config import config_from_dict
from rrn_tf.data.sequences import load_sequences
from rrn_tf.tuning.space import SearchSpace
from rrn_tf.tuning.tuner import RatingTuner
from rrn_tf.tuning.validation import without_test


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """Searches settings of `model` and `training` on prepared sequences, test ratings set aside.

    Args:
      fn_args: `train_files` as those of `components.trainer.run_fn.run_fn`; `custom_config` holds plain values:
        `config` of `rrn_tf.config.Config`, `space` of `rrn_tf.tuning.space.SearchSpace`, `seconds` and `max_trials`.
    """
    options = fn_args.custom_config
    config = config_from_dict(options["config"])
    with local_input(sequences_root(fn_args.train_files)) as data:
        sequences = without_test(load_sequences(data))
    work = tempfile.TemporaryDirectory(prefix="rrn-tune-")
    tuner = RatingTuner(
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
