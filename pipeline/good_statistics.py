"""Finds statistics of earlier data in the ML Metadata of local runs: the last good span's and the training data's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.components.example_validator.executor import ARTIFACT_PROPERTY_BLESSED_KEY
from tfx.orchestration import metadata
from tfx.types import Artifact, artifact_utils, standard_artifacts


def last_good_statistics(metadata_file: Path, pipeline_name: str, span: int | None = None) -> str | None:
    """Returns the URI of the statistics that were last found to have no anomaly; None if there are none.

    Args:
      metadata_file: the SQLite file; it need not exist.
      pipeline_name: the pipeline that made the statistics.
      span: the number of a span that counts as good whatever its anomalies; no other is looked for then.
    """
    if not metadata_file.exists():
        return None
    store = metadata_store.MetadataStore(metadata.sqlite_metadata_connection_config(str(metadata_file)))
    for anomalies in _latest_first(store, pipeline_name, standard_artifacts.ExampleAnomalies):
        statistics = _input(store, anomalies.id, "statistics")
        examples = _input(store, statistics.id, "examples") if statistics else None
        if not examples:
            continue
        if _span(examples) == span if span is not None else _without_anomaly(anomalies):
            return str(statistics.uri)
    return None


def training_statistics(metadata_file: Path, pipeline_name: str) -> str | None:
    """Returns the URI of a training pipeline's latest statistics; None if there are none.

    Args:
      metadata_file, pipeline_name: as in `last_good_statistics`.
    """
    if not metadata_file.exists():
        return None
    store = metadata_store.MetadataStore(metadata.sqlite_metadata_connection_config(str(metadata_file)))
    found = _latest_first(store, pipeline_name, standard_artifacts.ExampleStatistics)
    return next((artifact.uri for artifact in found), None)


def _latest_first(store: metadata_store.MetadataStore, pipeline: str, kind: type[Artifact]) -> Iterator[Any]:
    """Yields the live artifacts of a type that a pipeline made, the latest first."""
    context = store.get_context_by_type_and_name("pipeline", pipeline)
    if context is None:
        return
    found = store.get_artifacts_by_context(context.id)
    for artifact in sorted(found, key=lambda of: of.id, reverse=True):
        if artifact.type == kind.TYPE_NAME and artifact.state == mlmd.Artifact.LIVE and Path(artifact.uri).exists():
            yield artifact_utils.deserialize_artifact(store.get_artifact_type(artifact.type), artifact)


def _without_anomaly(anomalies: Any) -> bool:
    blessed = anomalies.get_json_value_custom_property(ARTIFACT_PROPERTY_BLESSED_KEY)
    return bool(blessed) and all(blessed.values())


def _input(store: metadata_store.MetadataStore, artifact: int, key: str) -> Any:
    """Returns the input, of a key, of what made an artifact; None if there is none."""
    made = store.get_events_by_artifact_ids([artifact])
    makers = [event.execution_id for event in made if event.type == mlmd.Event.OUTPUT]
    inputs = [
        event.artifact_id
        for event in store.get_events_by_execution_ids(makers)
        if event.type == mlmd.Event.INPUT and event.path.steps[0].key == key
    ]
    return next(iter(store.get_artifacts_by_id(inputs)), None)


def _span(examples: Any) -> int:
    return int(examples.custom_properties["span"].int_value)
