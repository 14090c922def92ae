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
from pipeline.tuning import tune_options
from rrn_tf.config import config_to_dict, load_config


def run() -> None:
    """Writes `pipeline.json`, the compiled job."""
    config = load_config(configs.CONFIG["rrn"])
    pipeline = create_pipeline(
        name=configs.PIPELINE_NAME,
        root=configs.VERTEX_ROOT,
        data_base=posixpath.dirname(configs.VERTEX_DATA),
        data_pattern=posixpath.basename(configs.VERTEX_DATA),
        schema_file=configs.IMAGE_SCHEMA,
        config=config_to_dict(config),
        tune=tune_options(configs.TUNE_MINUTES, None, config),
        serving_model_dir=configs.VERTEX_SERVING,
        max_rmse=configs.VERTEX_MAX_RMSE,
        max_rmse_increase=configs.MAX_RMSE_INCREASE,
        beam_pipeline_args=shlex.split(configs.VERTEX_BEAM_ARGS),
    )
    runner_config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(default_image=configs.IMAGE)
    kubeflow_v2_dag_runner.KubeflowV2DagRunner(config=runner_config, output_filename="pipeline.json").run(pipeline)


if __name__ == "__main__":
    run()
