"""The pipeline of the Collaborative RNN: which components, wired how. It knows no path and no orchestrator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfx.components import ExampleValidator, StatisticsGen
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.orchestration import pipeline as tfx_pipeline

from components.event_evaluator.component import EventEvaluator
from components.event_sequence_builder.component import EventSequenceBuilder
from components.events_example_gen.component import EventsExampleGen
from pipeline.pipeline import latest_blessed_model
from pipeline.pushing import push
from pipeline.training import training
from rrn_tf.features import Side

RUN_FN = "components.trainer.run_fn.event_run_fn"
TUNER_FN = "components.tuner.tuner_fn.event_tuner_fn"


def create_event_pipeline(
    *,
    name: str,
    root: str,
    data_base: str,
    data_pattern: str,
    schema_file: str,
    config: dict[str, Any],
    serving_model_dir: str,
    max_nll: float | None,
    max_nll_increase: float,
    tune: dict[str, Any] | None = None,
    text_format: str = "",
    dead_letters: str | None = None,
    metadata_connection_config: Any = None,
    beam_pipeline_args: Sequence[str] = (),
    enable_cache: bool = True,
) -> tfx_pipeline.Pipeline:
    """Wires the components from events to a pushed model.

    Args:
      name, root, data_base, data_pattern, serving_model_dir, dead_letters, metadata_connection_config,
        beam_pipeline_args, enable_cache: as those of `pipeline.pipeline.create_pipeline`.
      schema_file: schema of the event Examples (`schemas/events.pbtxt`).
      config: plain values of `rrn_tf.collaborative_config.CollaborativeConfig`.
      max_nll, max_nll_increase: see `components.event_evaluator.component.EventEvaluator`.
      tune: a search before training (see `pipeline.training.training`).
      text_format: a name of `rrn_tf.data.formats` for files without a header.
    """
    examples = EventsExampleGen(
        data_base, data_pattern, config["data"], text_format=text_format, dead_letters=dead_letters
    )
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = ImportSchemaGen(schema_file=schema_file)
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    sequences = EventSequenceBuilder(examples.outputs["examples"], config["data"])
    trainers, model = training(
        sequences.outputs["sequences"], [Side.USER.sequences], config, tune, run_fn=RUN_FN, tuner_fn=TUNER_FN
    )
    blessed = latest_blessed_model()
    evaluator = EventEvaluator(
        sequences.outputs["sequences"],
        model,
        blessed.outputs["model"],
        max_nll=max_nll,
        max_nll_increase=max_nll_increase,
    )
    pusher = push(model, evaluator.outputs["blessing"], serving_model_dir)
    return tfx_pipeline.Pipeline(
        pipeline_name=name,
        pipeline_root=root,
        components=[examples, statistics, schema, validator, sequences, *trainers, blessed, evaluator, pusher],
        enable_cache=enable_cache,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=list(beam_pipeline_args),
    )
