"""The Trainer and, for a search before training, the Tuner that provides its settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfx.components import Trainer, Tuner
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.proto import trainer_pb2
from tfx.types import BaseChannel

from rrn_tf.tasks import Task

RUN_FN = "components.trainer.run_fn.run_fn"
TUNER_FN = "components.tuner.tuner_fn.tuner_fn"


def training(
    task: Task,
    sequences: BaseChannel,
    splits: Sequence[str],
    config: dict[str, Any],
    tune: dict[str, Any] | None,
    items: str | None = None,
) -> tuple[list[BaseComponent], BaseChannel, BaseChannel]:
    """Returns components that train a model on prepared sequences, and the channels of the model and its record.

    Args:
      task: the task of the model.
      sequences: Examples of one data set, which contain both training and validation data.
      splits: the splits of the Examples.
      config: plain values of a configuration.
      tune: options of a search before training, which replaces settings of `config` by the best ones: plain values
        `space`, `seconds` and `max_trials` (see `components.tuner.tuner_fn`); None trains with `config` unchanged.
      items: a file of titles and other attributes of items, which are kept with the model. Trainer is not run again
        while its name is the same.
    """
    data = {
        "examples": sequences,
        "train_args": trainer_pb2.TrainArgs(splits=splits),
        "eval_args": trainer_pb2.EvalArgs(splits=splits),
    }
    told = {"model": task.name, "config": config}
    tuner = Tuner(tuner_fn=TUNER_FN, custom_config={**told, **tune}, **data) if tune else None
    trainer = Trainer(
        run_fn=RUN_FN,
        hyperparameters=tuner.outputs["best_hyperparameters"] if tuner else None,
        custom_config={**told, **({"items": items} if items else {})},
        **data,
    )
    return [*([tuner] if tuner else []), trainer], trainer.outputs["model"], trainer.outputs["model_run"]
