"""The pipeline of ratings: its components and their wiring, without any path or orchestrator."""

from __future__ import annotations

from typing import Any

from tfx.components import Evaluator
from tfx.orchestration import pipeline as tfx_pipeline

from components.ratings_example_gen.component import RatingsExampleGen
from components.report.component import Report
from components.sequence_builder.component import SequenceBuilder
from pipeline.evaluation import eval_config
from pipeline.parts import latest_blessed_model, push, validation
from pipeline.setting import PipelineSetting
from pipeline.training import training
from rrn_tf.features import SIDES, Split
from rrn_tf.tasks import RATINGS


def create_pipeline(
    setting: PipelineSetting,
    *,
    config: dict[str, Any],
    max_error: float | None,
    max_error_increase: float,
    tune: dict[str, Any] | None = None,
    all_baselines: bool = False,
    items: str | None = None,
) -> tfx_pipeline.Pipeline:
    """Wires the components from ratings to a pushed model and its report.

    Args:
      setting: paths and options of the pipeline.
      config: plain values of `rrn_tf.config.Config`.
      max_error, max_error_increase: bounds of the RMSE (see `pipeline.evaluation.eval_config`).
      tune, items: as in `pipeline.training.training`.
      all_baselines: whether the report compares with the slow baselines too.
    """
    examples = RatingsExampleGen(
        setting.data_base, setting.data_pattern, config["data"], dead_letters=setting.dead_letters
    )
    # Ratings of unseen users and items are held apart by design and need no statistics.
    set_aside = [Split.VALID_COLD.label, Split.TEST_COLD.label]
    sequences = SequenceBuilder(examples.outputs["examples"], config["data"])
    splits = [side.sequences for side in SIDES]
    trainers, model, model_run = training(RATINGS, sequences.outputs["sequences"], splits, config, tune, items)
    blessed = latest_blessed_model()
    evaluator = Evaluator(
        examples=examples.outputs["examples"],
        example_splits=[Split.TEST.label],
        model=model,
        baseline_model=blessed.outputs["model"],
        eval_config=eval_config(max_error, max_error_increase),
    )
    return setting.pipeline(
        [
            examples,
            *validation(
                examples.outputs["examples"], setting.schema_file, setting.guards, set_aside, before=[sequences]
            ),
            sequences,
            *trainers,
            blessed,
            evaluator,
            push(model, evaluator.outputs["blessing"], setting.serving_model_dir),
            Report(sequences.outputs["sequences"], model, model_run, everything=all_baselines),
        ]
    )
