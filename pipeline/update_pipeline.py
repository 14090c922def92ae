"""The pipeline of updates: a span of new ratings or events moves the latest model's states.

It knows no path or orchestrator.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfx.components import ExampleValidator, StatisticsGen
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.proto import range_config_pb2
from tfx.types import standard_artifacts

from components.events_example_gen.component import EventsExampleGen
from components.ratings_example_gen.component import RatingsExampleGen
from components.state_updater.component import StateUpdater
from components.update_evaluator.component import UpdateEvaluator
from pipeline.pushing import push
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.config import DataConfig, SplitConfig

# Nothing of a new span is for training: whatever lies after this cutoff is new.
NEW = DataConfig(split=SplitConfig(cutoff="0", drop_unseen=False))


def create_update_pipeline(
    *,
    name: str,
    root: str,
    data_base: str,
    data_pattern: str,
    schema_file: str,
    base_model: str,
    serving_model_dir: str,
    max_increase: float,
    events: bool = False,
    span: int | None = None,
    dead_letters: str | None = None,
    metadata_connection_config: Any = None,
    beam_pipeline_args: Sequence[str] = (),
    enable_cache: bool = True,
) -> tfx_pipeline.Pipeline:
    """Wires the components from a span of ratings to the next pushed version.

    Args:
      name, root, serving_model_dir, dead_letters, metadata_connection_config, beam_pipeline_args, enable_cache: as
        those of `pipeline.pipeline.create_pipeline`.
      data_base, data_pattern: directory of the spans and the file pattern below it, with TFX's ``{SPAN}``.
      schema_file: schema of the Examples (`schemas/ratings.pbtxt` or `schemas/events.pbtxt`).
      base_model: the version to go on from: the newest in `serving_model_dir`, so that updates follow one another. The
        same version and the same span are a cached run.
      max_increase: see `components.update_evaluator.component.UpdateEvaluator`.
      events: the model is a Collaborative RNN, and the spans hold events.
      span: which one; the latest by default.
    """
    chosen = None
    if span is not None:
        static = range_config_pb2.StaticRange(start_span_number=span, end_span_number=span)
        chosen = range_config_pb2.RangeConfig(static_range=static)
    example_gen, data = (EventsExampleGen, EventDataConfig()) if events else (RatingsExampleGen, NEW)
    examples = example_gen(
        data_base, data_pattern, dataclasses.asdict(data), dead_letters=dead_letters, range_config=chosen
    )
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = ImportSchemaGen(schema_file=schema_file)
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    base = Importer(source_uri=base_model, artifact_type=standard_artifacts.Model).with_id("base_model")
    updater = StateUpdater(examples.outputs["examples"], base.outputs["result"])
    evaluator = UpdateEvaluator(updater.outputs["update"], max_increase=max_increase)
    pusher = push(updater.outputs["model"], evaluator.outputs["blessing"], serving_model_dir)
    return tfx_pipeline.Pipeline(
        pipeline_name=name,
        pipeline_root=root,
        components=[examples, statistics, schema, validator, base, updater, evaluator, pusher],
        enable_cache=enable_cache,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=list(beam_pipeline_args),
    )
