"""Compiles the pipeline for Vertex AI or Kubeflow Pipelines 2.

Example:
  tfx pipeline compile --engine vertex --pipeline_path kubeflow_v2_runner.py
"""

from __future__ import annotations

import posixpath
import shlex

from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner

from pipeline import configs
from pipeline.pipeline import create_pipeline
from pipeline.setting import PipelineSetting
from pipeline.tuning import tune_options
from rrn_tf.cli.pipeline_options import RunOptions, parsed
from rrn_tf.config import config_to_dict, load_config
from rrn_tf.tasks import RATINGS


def run() -> None:
    """Writes `pipeline.json`, the compiled job."""
    options = parsed(RunOptions, [], "kubeflow_v2_runner")  # of the environment
    config = load_config(options.config or RATINGS.preset)
    setting = PipelineSetting(
        name=configs.PIPELINE_NAMES[RATINGS.name],
        root=configs.VERTEX_ROOT,
        data_base=posixpath.dirname(configs.VERTEX_DATA),
        data_pattern=posixpath.basename(configs.VERTEX_DATA),
        schema_file=configs.IMAGE_SCHEMA,
        serving_model_dir=configs.VERTEX_SERVING,
        beam_pipeline_args=shlex.split(configs.VERTEX_BEAM_ARGS),
    )
    pipeline = create_pipeline(
        setting,
        config=config_to_dict(config),
        max_error=configs.VERTEX_MAX_RMSE,
        max_error_increase=configs.MAX_ERROR_INCREASE[RATINGS.name],
        tune=tune_options(options.tune, None, config),
        items=options.items,
    )
    runner_config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(default_image=configs.IMAGE)
    kubeflow_v2_dag_runner.KubeflowV2DagRunner(config=runner_config, output_filename="pipeline.json").run(pipeline)


if __name__ == "__main__":
    run()
