"""The record of a finished local run, read from ML Metadata."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.evaluator import constants as evaluator_constants
from tfx.orchestration import metadata

from components.anomalies import anomaly_lines

BEST_SETTINGS_FILE = "best_hyperparameters.txt"  # the name that TFX's Tuner uses


@dataclass(frozen=True)
class RunRecord:
    """The latest run of a pipeline.

    Attributes:
      cached: ids of the components whose earlier output was reused.
      outputs: the artifact of each output key (`examples`, `model`, `blessing`, …).
    """

    cached: frozenset[str]
    outputs: dict[str, Any]

    def uri(self, key: str) -> str | None:
        """Returns the URI of an output; None if the run has no output of that key."""
        return self.outputs[key].uri if key in self.outputs else None

    @property
    def blessed(self) -> bool:
        """Whether the Evaluator blessed the model."""
        flag = evaluator_constants.ARTIFACT_PROPERTY_BLESSED_KEY
        return "blessing" in self.outputs and self.outputs["blessing"].custom_properties[flag].int_value == 1

    @property
    def pushed_model(self) -> str | None:
        """The pushed version's directory; None if nothing was pushed."""
        if "pushed_model" not in self.outputs:
            return None
        return self.outputs["pushed_model"].custom_properties["pushed_destination"].string_value or None

    @property
    def tuned(self) -> dict[str, Any]:
        """The Tuner's best settings, by path; empty if nothing was tuned."""
        folder = self.uri("best_hyperparameters")
        return json.loads(Path(folder, BEST_SETTINGS_FILE).read_text())["values"] if folder else {}

    def anomalies(self) -> dict[str, list[str]]:
        """The anomalies that ExampleValidator found, as ``feature: description`` lines by split."""
        found = {}
        for file in sorted(Path(self.uri("anomalies") or "/nonexistent").glob("Split-*/SchemaDiff.pb")):
            anomalies = anomalies_pb2.Anomalies.FromString(file.read_bytes())
            if lines := anomaly_lines(anomalies):
                found[file.parent.name.removeprefix("Split-")] = lines
        return found


def read_latest_run(metadata_file: Path, pipeline_name: str) -> RunRecord:
    """Reads the latest run of a pipeline from its SQLite metadata."""
    store = metadata_store.MetadataStore(metadata.sqlite_metadata_connection_config(str(metadata_file)))
    latest = max(store.get_contexts_by_type("pipeline_run"), key=lambda run: run.id)
    executions = {execution.id: execution for execution in store.get_executions_by_context(latest.id)}
    cached = frozenset(
        context.name.removeprefix(f"{pipeline_name}.")
        for id_, execution in executions.items()
        if execution.last_known_state == mlmd.Execution.CACHED
        for context in store.get_contexts_by_execution(id_)
        if context.type == "node" and context.name.startswith(f"{pipeline_name}.")
    )
    keys = {
        event.artifact_id: event.path.steps[0].key
        for event in store.get_events_by_execution_ids(list(executions))
        if event.type == mlmd.Event.OUTPUT
    }
    return RunRecord(cached, {keys[artifact.id]: artifact for artifact in store.get_artifacts_by_id(list(keys))})
