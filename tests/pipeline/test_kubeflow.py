"""Compiled pipelines: their options and schema, and the image's entry point on compiled tasks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pytest

pytest.importorskip("kfp.pipeline_spec")
pytest.importorskip("tfx")

from google.protobuf import json_format
from kfp import components as kfp_components
from kfp.pipeline_spec import pipeline_spec_pb2

import schemas
from pipeline import vertex
from pipeline.vertex_options import VertexRunOptions, VertexUpdateOptions
from rrn_tf.cli.pipeline_options import parsed

ROOT = Path(__file__).parents[2]


def update(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    """Compiles the pipeline of updates."""
    given = ["--compiled", str(tmp_path / "update.json"), *arguments]
    vertex.compile_update(parsed(VertexUpdateOptions, given, "test"))
    return json.loads((tmp_path / "update.json").read_text())


def containers(job: dict[str, Any]) -> dict[str, Any]:
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"]
    return {name.removesuffix("_executor"): of["container"] for name, of in executors.items() if "container" in of}


def check(job: dict[str, Any]) -> None:
    """Checks a compiled pipeline by the schema, by kfp's own loader, and that every reference is to something."""
    spec = json_format.ParseDict(job["pipelineSpec"], pipeline_spec_pb2.PipelineSpec())
    assert spec.schema_version == "2.1.0"
    kfp_components.load_component_from_text(json.dumps(job["pipelineSpec"]))
    executors = spec.deployment_spec["executors"]
    for name, task in spec.root.dag.tasks.items():
        component = spec.components[task.component_ref.name]
        assert component.executor_label in executors
        assert set(task.inputs.artifacts) == set(component.input_definitions.artifacts), name
        assert set(task.dependent_tasks) <= set(spec.root.dag.tasks)
        for of in task.inputs.artifacts.values():
            source = of.task_output_artifact
            producer = spec.components[spec.root.dag.tasks[source.producer_task].component_ref.name]
            assert source.output_artifact_key in producer.output_definitions.artifacts


def test_resources_image_and_dataflow_are_arguments(tmp_path: Path) -> None:
    machine = ["--cpu", "4", "--cpu", "StateUpdater=16", "--memory", "32", "--image", "registry/image:7"]
    machine += ["--accelerator", "StateUpdater=NVIDIA_TESLA_T4:2"]
    dataflow = ["--dataflow-project", "p", "--dataflow-region", "r", "--dataflow-workers", "9"]
    job = update(tmp_path, *machine, *dataflow, "--beam-args", "--experiments=x", "--root", "gs://b/root")
    check(job)
    found = containers(job)
    assert {of["image"] for of in found.values()} == {"registry/image:7"}
    assert found["Pusher"]["resources"] == {"cpuLimit": 4.0, "memoryLimit": 32.0}
    accelerator = {"type": "NVIDIA_TESLA_T4", "count": "2"}
    assert found["StateUpdater"]["resources"] == {"cpuLimit": 16.0, "memoryLimit": 32.0, "accelerator": accelerator}
    expected = ["--runner=DataflowRunner", "--project=p", "--temp_location=gs://b/root/beam", "--region=r"]
    assert found["StatisticsGen"]["args"][-6:] == [*expected, "--max_num_workers=9", "--experiments=x"]


def test_an_anomaly_stops_an_update_before_it_begins(tmp_path: Path) -> None:
    tasks = {
        flag: update(tmp_path, "--anomalies", flag)["pipelineSpec"]["root"]["dag"]["tasks"] for flag in ("warn", "stop")
    }
    assert "ExampleValidator" not in tasks["warn"]["StateUpdater"]["dependentTasks"]
    assert "ExampleValidator" in tasks["stop"]["StateUpdater"]["dependentTasks"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--cpu", "Updater=3"], "--cpu: expected a component of .*, found Updater"),
        (["--memory", "much"], "--memory: expected a number above 0, found much"),
        (["--accelerator", "NVIDIA_TESLA_T4"], "expected COMPONENT=VALUE, since this pipeline has no Trainer"),
        (["--dataflow-workers", "3"], "expected --dataflow-project too"),
        (["--dataflow-project", "p"], "expected --dataflow-region too"),
    ],
)
def test_invalid_options(tmp_path: Path, arguments: list[str], told: str) -> None:
    with pytest.raises(click.UsageError, match=told):
        update(tmp_path, *arguments)
    assert not (tmp_path / "update.json").exists()


@pytest.mark.parametrize("model", ["rrn", "crnn"])
def test_training_compiles(tmp_path: Path, model: str) -> None:
    given = ["--model", model, "--compiled", str(tmp_path / "run.json"), "--accelerator", "NVIDIA_TESLA_T4"]
    vertex.compile_run(parsed(VertexRunOptions, given, "test"))
    job = json.loads((tmp_path / "run.json").read_text())
    check(job)
    assert [name for name, of in containers(job).items() if "resources" in of] == ["Trainer"]


def executor_input(job: dict[str, Any], task: str, folder: Path, inputs: dict[str, Any]) -> dict[str, Any]:
    """What the orchestrator puts in place of ``{{$}}``: a task's constants, artifacts, and where outputs go."""
    spec = job["pipelineSpec"]
    component = spec["components"][task]
    given = spec["root"]["dag"]["tasks"][task].get("inputs", {}).get("parameters", {})
    outputs = {
        name: {"artifacts": [{"type": of["artifactType"], "uri": str(folder / name), "name": f"{task}/{name}"}]}
        for name, of in component["outputDefinitions"]["artifacts"].items()
    }
    return {
        "inputs": {
            "parameterValues": {name: of["runtimeValue"]["constant"] for name, of in given.items()},
            "artifacts": {name: {"artifacts": [of]} for name, of in inputs.items()},
        },
        "outputs": {"artifacts": outputs, "outputFile": str(folder / "executor_output.json")},
    }


def call(arguments: list[str], given: dict[str, Any], command: list[str]) -> None:
    """Calls a compiled command in a process of its own."""
    done = subprocess.run(
        [sys.executable, *command[1:], *(of.replace("{{$}}", json.dumps(given)) for of in arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_USE_LEGACY_KERAS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_the_images_entry_point_runs_compiled_tasks(tmp_path: Path) -> None:
    (tmp_path / "spans" / "3").mkdir(parents=True)
    index = np.arange(60)
    frame = pd.DataFrame(
        {"user_id": index % 7, "item_id": index % 5, "rating": index % 5 + 1, "timestamp": 1_000_000_000 + index}
    )
    frame.to_csv(tmp_path / "spans" / "3" / "ratings.csv", index=False)
    schema = Path(schemas.__file__).with_name("ratings.pbtxt")
    job = update(tmp_path, "--data", f"{tmp_path}/spans/{{SPAN}}/*.csv", "--schema", str(schema))
    container = containers(job)["RatingsExampleGen"]
    given = executor_input(job, "RatingsExampleGen", tmp_path / "examples", {})
    driver = container["lifecycle"]["preCacheCheck"]
    assert container["command"][:2] == driver["command"][:2] == ["python", "-m"]
    call(driver["args"], given, driver["command"])
    call(container["args"], given, container["command"])
    made = json.loads((tmp_path / "examples" / "executor_output.json").read_text())
    (examples,) = made["artifacts"]["examples"]["artifacts"]
    examples["type"] = job["pipelineSpec"]["components"]["RatingsExampleGen"]["outputDefinitions"]["artifacts"][
        "examples"
    ]["artifactType"]
    container = containers(job)["StatisticsGen"]
    given = executor_input(job, "StatisticsGen", tmp_path / "statistics", {"examples": examples})
    call(container["args"], given, container["command"])
    from tensorflow_metadata.proto.v0 import statistics_pb2

    file = tmp_path / "statistics" / "statistics" / "Split-train" / "FeatureStats.pb"
    statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes())
    assert statistics.datasets[0].num_examples == 60


@pytest.mark.slow
def test_a_runner_tells_of_invalid_options_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "kubeflow_v2_update_runner.py"), "--cpu", "none"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "error: --cpu: expected a number above 0, found none"


def test_artifact_types_of_compiled_pipelines_are_found(tmp_path: Path) -> None:
    import components

    text = json.dumps(update(tmp_path))
    assert "title: components.StateUpdate" in text
    assert components.StateUpdate.TYPE_NAME == "components.StateUpdate"
