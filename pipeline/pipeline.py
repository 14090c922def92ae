"""The pipeline: which components, wired how. It knows no path and no orchestrator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfx import types
from tfx.components import Evaluator, ExampleValidator, StatisticsGen
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.common import resolver
from tfx.dsl.input_resolution.strategies import latest_blessed_model_strategy
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.types import standard_artifacts

from components.ratings_example_gen.component import RatingsExampleGen
from components.report.component import Report
from components.sequence_builder.component import SequenceBuilder
from pipeline.evaluation import eval_config
from pipeline.pushing import push
from pipeline.training import training
from rrn_tf.features import SIDES, Split

RUN_FN = "components.trainer.run_fn.run_fn"
TUNER_FN = "components.tuner.tuner_fn.tuner_fn"


def create_pipeline(
    *,
    name: str,
    root: str,
    data_base: str,
    data_pattern: str,
    schema_file: str,
    config: dict[str, Any],
    serving_model_dir: str,
    max_rmse: float | None,
    max_rmse_increase: float,
    tune: dict[str, Any] | None = None,
    dead_letters: str | None = None,
    metadata_connection_config: Any = None,
    beam_pipeline_args: Sequence[str] = (),
    enable_cache: bool = True,
) -> tfx_pipeline.Pipeline:
    """Wires the components from ratings to a pushed model and its report.

    Args:
      name: pipeline name; blessed models are looked up under it.
      root: directory or bucket of all artifacts.
      data_base, data_pattern: directory of the ratings and the file pattern below it.
      schema_file: schema of the rating Examples (`schemas/ratings.pbtxt`).
      config: plain values of `rrn_tf.config.Config`.
      serving_model_dir: where a blessed model is pushed, one numbered version a push.
      max_rmse, max_rmse_increase: see `pipeline.evaluation.eval_config`.
      tune: a search before training (see `pipeline.training.training`).
      dead_letters: directory of rejected rows; None keeps them inside the Examples artifact.
      metadata_connection_config: ML Metadata connection; None where the orchestrator brings its own.
      beam_pipeline_args: Beam options, passed to every Beam component untouched.
      enable_cache: reuse a component's output when its inputs and parameters are unchanged.
    """
    examples = RatingsExampleGen(data_base, data_pattern, config["data"], dead_letters=dead_letters)
    # Ratings of unseen users and items are set aside by design and need no statistics.
    set_aside = [Split.VALID_COLD.label, Split.TEST_COLD.label]
    statistics = StatisticsGen(examples=examples.outputs["examples"], exclude_splits=set_aside)
    schema = ImportSchemaGen(schema_file=schema_file)
    validator = ExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"], exclude_splits=set_aside
    )
    sequences = SequenceBuilder(examples.outputs["examples"], config["data"])
    trainers, model = training(
        sequences.outputs["sequences"],
        [side.sequences for side in SIDES],
        config,
        tune,
        run_fn=RUN_FN,
        tuner_fn=TUNER_FN,
    )
    blessed = latest_blessed_model()
    evaluator = Evaluator(
        examples=examples.outputs["examples"],
        example_splits=[Split.TEST.label],
        model=model,
        baseline_model=blessed.outputs["model"],
        eval_config=eval_config(max_rmse, max_rmse_increase),
    )
    pusher = push(model, evaluator.outputs["blessing"], serving_model_dir)
    report = Report(sequences.outputs["sequences"], model)
    return tfx_pipeline.Pipeline(
        pipeline_name=name,
        pipeline_root=root,
        components=[
            examples,
            statistics,
            schema,
            validator,
            sequences,
            *trainers,
            blessed,
            evaluator,
            pusher,
            report,
        ],
        enable_cache=enable_cache,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=list(beam_pipeline_args),
    )


def latest_blessed_model() -> resolver.Resolver:
    """Finds the latest model that was blessed under the pipeline's name, if there is one."""
    return resolver.Resolver(
        strategy_class=latest_blessed_model_strategy.LatestBlessedModelStrategy,
        model=types.Channel(type=standard_artifacts.Model),
        model_blessing=types.Channel(type=standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed_model_resolver")
