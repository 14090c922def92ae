"""Finding the files of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rrn_tf.report.run_files import RunNotFoundError, find_run
from rrn_tf.tasks import EVENTS, RATINGS


def run_directory(root: Path, metadata: str = "metadata.json") -> Path:
    for file in (f"sequences/{metadata}", "model/saved_model.pb", "config.yaml"):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def test_a_training_run(tmp_path: Path) -> None:
    files = find_run(run_directory(tmp_path))
    assert (files.sequences, files.model) == (tmp_path / "sequences", tmp_path / "model")
    assert files.metrics == tmp_path / "metrics.json"
    assert files.task is RATINGS
    assert find_run(run_directory(tmp_path / "events", "events.json")).task is EVENTS


def test_a_run_of_the_pipeline_is_where_its_record_says(tmp_path: Path) -> None:
    run_directory(tmp_path / "artifacts")
    record = {"sequences": "sequences", "model": "model", "logs": "."}
    record = {name: str(tmp_path / "artifacts" / path) for name, path in record.items()}
    (tmp_path / "config.yaml").touch()
    (tmp_path / "run.json").write_text(json.dumps(record))
    files = find_run(tmp_path)
    assert (files.name, files.model) == (str(tmp_path), tmp_path / "artifacts" / "model")
    assert files.config == tmp_path / "artifacts" / "config.yaml", "that of the training, which may have been tuned"
    (tmp_path / "run.json").write_text(json.dumps({"model": "m"}))
    with pytest.raises(RunNotFoundError, match=r"run.json: expected the path of the prepared data, found none"):
        find_run(tmp_path)


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunNotFoundError, match="expected a run directory of `rrn train` or `rrn run`"):
        find_run(tmp_path)
    run_directory(tmp_path)
    (tmp_path / "model" / "saved_model.pb").unlink()
    (tmp_path / "model").rmdir()
    with pytest.raises(RunNotFoundError, match="expected a trained model of the run"):
        find_run(tmp_path)
