"""The pipeline's nodes and wiring, and what blesses a model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tensorflow_model_analysis.proto import config_pb2

from pipeline.evaluation import eval_config
from pipeline.pipeline import create_pipeline
from pipeline.setting import PipelineSetting
from pipeline.tuning import tune_options
from rrn_tf.config import Config, config_to_dict
from rrn_tf.tuning.space import SearchSpace

ROOT = Path(__file__).parents[2]


def wired(**options: Any) -> Any:
    return create_pipeline(
        PipelineSetting(
            name="test",
            root="/nowhere/artifacts",
            data_base="/nowhere/data",
            data_pattern="ratings.csv",
            schema_file="ratings.pbtxt",
            serving_model_dir="/nowhere/serving",
            beam_pipeline_args=["--direct_num_workers=1"],
        ),
        config=config_to_dict(Config()),
        max_error=1.0,
        max_error_increase=0.005,
        **options,
    )


@pytest.fixture(scope="module")
def nodes() -> dict[str, Any]:
    pipeline = wired()
    assert pipeline.enable_cache
    assert pipeline.beam_pipeline_args == ["--direct_num_workers=1"]
    return {component.id: component for component in pipeline.components}


def producers(node: Any) -> dict[str, str]:
    """The node behind each of a component's inputs."""
    return {name: channel.producer_component_id for name, channel in node.inputs.items()}


def test_nodes_run_from_ratings_to_report(nodes: dict[str, Any]) -> None:
    assert set(nodes) == {
        "RatingsExampleGen",
        "StatisticsGen",
        "ImportSchemaGen",
        "ExampleValidator",
        "SequenceBuilder",
        "Trainer",
        "latest_blessed_model_resolver",
        "Evaluator",
        "Pusher",
        "Report",
    }


def test_wiring(nodes: dict[str, Any]) -> None:
    assert producers(nodes["StatisticsGen"]) == {"examples": "RatingsExampleGen"}
    assert producers(nodes["ExampleValidator"]) == {"statistics": "StatisticsGen", "schema": "ImportSchemaGen"}
    assert producers(nodes["SequenceBuilder"]) == {"examples": "RatingsExampleGen"}
    assert producers(nodes["Trainer"]) == {"examples": "SequenceBuilder"}
    assert producers(nodes["Evaluator"]) == {
        "examples": "RatingsExampleGen",
        "model": "Trainer",
        "baseline_model": "latest_blessed_model_resolver",
    }
    assert producers(nodes["Pusher"]) == {"model": "Trainer", "model_blessing": "Evaluator"}
    inputs = {"sequences": "SequenceBuilder", "model": "Trainer", "model_run": "Trainer"}
    assert producers(nodes["Report"]) == inputs
    assert nodes["Report"].exec_properties == {"everything": 0}
    every = {component.id: component for component in wired(all_baselines=True).components}
    assert every["Report"].exec_properties == {"everything": 1}


def test_a_search_goes_before_training() -> None:
    config = Config()
    tune = tune_options(90, None, config)
    assert tune is not None
    nodes = {component.id: component for component in wired(tune=tune).components}
    assert producers(nodes["Tuner"]) == {"examples": "SequenceBuilder"}
    assert producers(nodes["Trainer"]) == {"examples": "SequenceBuilder", "hyperparameters": "Tuner"}
    options = json.loads(nodes["Tuner"].exec_properties["custom_config"])
    assert options["seconds"] == 5_400
    assert SearchSpace.from_dict(options["space"], config, data=False).varied
    assert options["config"] == json.loads(nodes["Trainer"].exec_properties["custom_config"])["config"]
    assert list(nodes).index("Tuner") < list(nodes).index("Trainer")


def test_evaluator_scores_the_test_split_alone(nodes: dict[str, Any]) -> None:
    assert json.loads(nodes["Evaluator"].exec_properties["example_splits"]) == ["test"]


def test_rmse_has_a_bound_and_may_not_grow() -> None:
    config = eval_config(max_rmse=0.9, max_rmse_increase=0.01)
    by_name = {metric.class_name: metric for metric in config.metrics_specs[0].metrics}
    assert set(by_name) == {"RootMeanSquaredError", "MeanAbsoluteError", "ExampleCount"}
    assert not by_name["RootMeanSquaredError"].HasField("threshold")
    (bound,) = by_name["RootMeanSquaredError"].per_slice_thresholds
    assert list(bound.slicing_specs) == [config_pb2.SlicingSpec()]
    threshold = bound.threshold
    assert threshold.value_threshold.upper_bound.value == 0.9
    assert threshold.change_threshold.direction == config_pb2.MetricDirection.LOWER_IS_BETTER
    assert threshold.change_threshold.absolute.value == 0.01
    assert [list(spec.feature_keys) for spec in config.slicing_specs] == [[], ["user_activity"], ["month"]]


def test_without_a_bound_any_finite_rmse_is_blessed() -> None:
    threshold = eval_config(None, 0.01).metrics_specs[0].metrics[0].per_slice_thresholds[0].threshold
    assert threshold.value_threshold.upper_bound.value == sys.float_info.max
    assert threshold.HasField("change_threshold")


@pytest.mark.slow
def test_compiles_for_vertex_with_the_tfx_command(tmp_path: Path) -> None:
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    command = [str(Path(sys.executable).with_name("tfx")), "pipeline", "compile", "--engine", "vertex"]
    done = subprocess.run(
        [*command, "--pipeline_path", str(ROOT / "kubeflow_v2_runner.py")],
        cwd=tmp_path,
        # The command looks for kfp with the pip on PATH.
        env={**os.environ, "VERTEX_HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    job = json.loads((tmp_path / "pipeline.json").read_text())
    spec = json_format.ParseDict(job["pipelineSpec"], pipeline_spec_pb2.PipelineSpec())
    assert spec.schema_version.startswith("2.")
    ours = {"RatingsExampleGen", "SequenceBuilder", "Trainer", "Evaluator", "Pusher", "Report"}
    assert ours <= set(spec.root.dag.tasks)
    # The orchestrator finds the class of a custom artifact by its title.
    assert "components.RatingReport" in (tmp_path / "pipeline.json").read_text()
    import components

    assert components.RatingReport.TYPE_NAME == "components.RatingReport"
