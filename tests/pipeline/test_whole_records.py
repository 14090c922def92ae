"""Records of ML Metadata that a full disk cut in two can be read again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from ml_metadata import errors
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration import metadata

from pipeline.whole_records import without_halves


def test_rows_that_name_nothing_are_removed(tmp_path: Path) -> None:
    file = tmp_path / "metadata.sqlite"
    assert without_halves(file) == 0
    store = metadata_store.MetadataStore(metadata.sqlite_metadata_connection_config(str(file)))
    kinds = (
        store.put_artifact_type(mlmd.ArtifactType(name="Model")),
        store.put_execution_type(mlmd.ExecutionType(name="Trainer")),
        store.put_context_type(mlmd.ContextType(name="pipeline")),
    )
    model, trainer = mlmd.Artifact(type_id=kinds[0], uri="/a"), mlmd.Execution(type_id=kinds[1])
    event = mlmd.Event(type=mlmd.Event.OUTPUT, path=mlmd.Event.Path(steps=[mlmd.Event.Path.Step(key="model")]))
    execution, artifacts, (context,) = store.put_execution(
        trainer, [(model, event)], [mlmd.Context(type_id=kinds[2], name="rrn")]
    )
    assert without_halves(file) == 0
    with sqlite3.connect(file) as records:
        records.execute("INSERT INTO Attribution (context_id, artifact_id) VALUES (?, 77)", (context,))
        records.execute("INSERT INTO Event (artifact_id, execution_id, type) VALUES (77, ?, 4)", (execution,))
        records.execute(
            "INSERT INTO EventPath (event_id, is_index_step, step_key) VALUES (last_insert_rowid(), 0, 'm')"
        )
    with pytest.raises(errors.InternalError, match="Results missing"):
        store.get_artifacts_by_context(context)
    assert without_halves(file) == 3
    assert [found.id for found in store.get_artifacts_by_context(context)] == artifacts
    (left,) = store.get_events_by_execution_ids([execution])
    assert (left.artifact_id, left.path.steps[0].key) == (artifacts[0], "model")
