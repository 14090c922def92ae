"""The pipeline of updates, which updates the latest model's states by a span of new ratings or events.

It contains no path or orchestrator.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto import range_config_pb2
from tfx.types import standard_artifacts

from components.events_example_gen.component import EventsExampleGen
from components.ratings_example_gen.component import RatingsExampleGen
from components.state_updater.component import StateUpdater
from components.update_evaluator.component import UpdateEvaluator
from pipeline.parts import push, validation
from pipeline.setting import PipelineSetting
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.config import DataConfig, SplitConfig
from rrn_tf.data_format import DataFormat
from rrn_tf.features import Split
from rrn_tf.tasks import EVENTS, RATINGS
from rrn_tf.times import LAST_SECOND

# All rows of a new span are in one split, that of the training data, with which it is compared: this cutoff is the end
# of time. The one rating of that very second would be in another, which is read as well.
NEW = DataConfig(split=SplitConfig(cutoff=str(LAST_SECOND), drop_unseen=False))
# The ExampleGen of each task and its configuration, by the name of the task.
_EXAMPLES: dict[str, tuple[type[RatingsExampleGen], Any]] = {
    RATINGS.name: (RatingsExampleGen, NEW),
    EVENTS.name: (EventsExampleGen, EventDataConfig()),
}
# Splits of a span that have no rows, by the name of the task.
EMPTY: dict[str, list[str]] = {
    RATINGS.name: [split.label for split in Split if split is not Split.TRAIN],
    EVENTS.name: [],
}


def create_update_pipeline(
    setting: PipelineSetting,
    *,
    base_model: str | RuntimeParameter,
    max_increase: float,
    model: str = RATINGS.name,
    span: int | None = None,
    data_format: DataFormat | None = None,
    max_bad_share: float = DataConfig.max_bad_share,
) -> tfx_pipeline.Pipeline:
    """Wires the components from a span of ratings or events to the next pushed version.

    Args:
      setting: paths and options of the pipeline; the data pattern contains TFX's ``{SPAN}``.
      base_model: the version to update: the newest in `serving_model_dir`, so that each update continues from the last.
        The same version and span give a cached run. Or a parameter of the run, where the orchestrator has such.
      max_increase: see `components.update_evaluator.component.UpdateEvaluator`.
      model: the name of the model's task.
      span: the number of the span; the latest by default.
      data_format: what the user says about the files' format.
      max_bad_share: the largest fraction of a span's rows that may be rejected.
    """
    chosen = None
    if span is not None:
        static = range_config_pb2.StaticRange(start_span_number=span, end_span_number=span)
        chosen = range_config_pb2.RangeConfig(static_range=static)
    example_gen, data = _EXAMPLES[model]
    examples = example_gen(
        setting.data_base,
        setting.data_pattern,
        dataclasses.asdict(dataclasses.replace(data, format=data_format or data.format, max_bad_share=max_bad_share)),
        dead_letters=setting.dead_letters,
        range_config=chosen,
    )
    base = Importer(source_uri=base_model, artifact_type=standard_artifacts.Model).with_id("base_model")
    updater = StateUpdater(examples.outputs["examples"], base.outputs["result"])
    evaluator = UpdateEvaluator(updater.outputs["update"], max_increase=max_increase)
    return setting.pipeline(
        [
            examples,
            base,
            *validation(
                examples.outputs["examples"],
                setting.schema_file,
                setting.guards,
                EMPTY[model],
                base_model=base.outputs["result"],
                before=[updater],
            ),
            updater,
            evaluator,
            push(updater.outputs["model"], evaluator.outputs["blessing"], setting.serving_model_dir),
        ]
    )
