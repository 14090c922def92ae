"""The pipeline of the Collaborative RNN: its components and their wiring, without any path or orchestrator."""

from __future__ import annotations

from typing import Any

from tfx.orchestration import pipeline as tfx_pipeline

from components.event_evaluator.component import EventEvaluator
from components.event_sequence_builder.component import EventSequenceBuilder
from components.events_example_gen.component import EventsExampleGen
from components.report.component import Report
from pipeline.parts import latest_blessed_model, push, validation
from pipeline.setting import PipelineSetting
from pipeline.training import training
from rrn_tf.features import Side
from rrn_tf.tasks import EVENTS


def create_event_pipeline(
    setting: PipelineSetting,
    *,
    config: dict[str, Any],
    max_error: float | None,
    max_error_increase: float,
    tune: dict[str, Any] | None = None,
    all_baselines: bool = False,
    items: str | None = None,
) -> tfx_pipeline.Pipeline:
    """Wires the components from events to a pushed model and its report.

    Args:
      setting: paths and options of the pipeline.
      config: plain values of `rrn_tf.collaborative_config.CollaborativeConfig`.
      max_error, max_error_increase: `max_nll` and `max_nll_increase` of
        `components.event_evaluator.component.EventEvaluator`.
      tune, items: as in `pipeline.training.training`.
      all_baselines: whether the report compares with the slow baselines too.
    """
    examples = EventsExampleGen(
        setting.data_base,
        setting.data_pattern,
        config["data"],
        dead_letters=setting.dead_letters,
    )
    sequences = EventSequenceBuilder(examples.outputs["examples"], config["data"])
    trainers, model, model_run = training(
        EVENTS, sequences.outputs["sequences"], [Side.USER.sequences], config, tune, items
    )
    blessed = latest_blessed_model()
    evaluator = EventEvaluator(
        sequences.outputs["sequences"],
        model,
        blessed.outputs["model"],
        max_nll=max_error,
        max_nll_increase=max_error_increase,
    )
    return setting.pipeline(
        [
            examples,
            *validation(examples.outputs["examples"], setting.schema_file, setting.guards, before=[sequences]),
            sequences,
            *trainers,
            blessed,
            evaluator,
            push(model, evaluator.outputs["blessing"], setting.serving_model_dir),
            Report(sequences.outputs["sequences"], model, model_run, everything=all_baselines),
        ]
    )
