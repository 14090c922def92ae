"""Report: the model beside the baselines on the same test ratings, and the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tfx.types import standard_artifacts

from components.report.component import RatingReport
from components.report.executor import Executor
from components.trainer.run_fn import run_fn
from rrn_tf.baselines.ratings import standard_baselines, standard_online_baselines
from rrn_tf.config import config_from_dict, config_to_dict
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.features import Split
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.tuning.space import with_settings
from tests.recommended import TINY
from tests.report_fakes import failing, one_of_each, show

UNSEEN = "streaming, unseen users and items included"


def artifact(kind: Any, folder: Path) -> Any:
    made = kind()
    made.uri = str(folder)
    return made


@pytest.fixture(scope="module")
def trained(sequences: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the Trainer leaves: a model and its record."""
    root = tmp_path_factory.mktemp("trained")
    model, model_run = (
        artifact(standard_artifacts.Model, root / "model"),
        artifact(standard_artifacts.ModelRun, root / "run"),
    )
    run_fn(
        SimpleNamespace(
            train_files=[f"{sequences.uri}/Split-user_sequences/*"],
            custom_config={"model": "rrn", "config": with_settings(config_to_dict(config_from_dict({})), TINY)},
            hyperparameters=None,
            model_run_dir=model_run.uri,
            serving_model_dir=f"{model.uri}/Format-Serving",
        )
    )
    return {"model": [model], "model_run": [model_run]}


@pytest.fixture(scope="module")
def report(sequences: Any, trained: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        show(patch, fake=one_of_each, bad=failing)
        made = artifact(RatingReport, folder)
        Executor().Do({"sequences": [sequences], **trained}, {"report": [made]}, {"everything": 0})
        yield folder


def test_leaderboards_have_every_model_on_the_same_rows(sequences: Any, trained: Any, report: Path) -> None:
    board = json.loads((report / "leaderboard.json").read_text())
    assert board.keys() == {"split", "protocol", "rows", "protocols"}
    rows = {row["model"]: row for row in board["rows"]}
    assert rows.keys() == {"RRN", *(baseline.name for baseline in standard_baselines(everything=False))}
    loaded = load_sequences(sequences.uri)
    assert {row["n"] for row in board["rows"]} == {len(loaded.rating_indices([Split.TEST]))}
    assert (board["split"], board["protocol"]) == ("test", "frozen")
    metrics = json.loads(Path(trained["model_run"][0].uri, "metrics.json").read_text())
    assert rows["RRN"]["rmse"] == pytest.approx(metrics["test"]["frozen"]["rmse"], rel=1e-5)
    assert rows["RRN"]["seconds"] == metrics["seconds"]["train"]
    assert rows["global mean"]["parameters"] == 1
    assert board["protocols"].keys() <= {"streaming", UNSEEN}
    streaming = {row["model"]: row for row in board["protocols"]["streaming"]}
    assert streaming.keys() == {"RRN", *(baseline.name for baseline in standard_online_baselines())}
    assert streaming["RRN"]["rmse"] == pytest.approx(metrics["test"]["streaming"]["rmse"], rel=1e-5)
    assert (report / "leaderboard.md").read_text().count("| RRN |") == 1 + len(board["protocols"])


def test_figures_are_those_of_the_written_predictions(sequences: Any, trained: Any, report: Path) -> None:
    board = json.loads((report / "leaderboard.json").read_text())
    frame = pd.read_parquet(report / "predictions.parquet")
    for row in board["rows"]:
        error = frame[row["model"]] - frame["rating"]
        assert row["rmse"] == pytest.approx(np.sqrt((error.astype(float) ** 2).mean()), rel=1e-5)
    # The mean of the training ratings, which the report must not have fitted on the test ratings.
    loaded = load_sequences(sequences.uri)
    assert frame["global mean"].unique() == pytest.approx([loaded.interactions([Split.TRAIN]).rating.mean()])
    asked = SavedRRN(f"{trained['model'][0].uri}/Format-Serving").predict(frame.user_id, frame.item_id, frame.timestamp)
    np.testing.assert_array_equal(frame["RRN"], asked)


def test_the_page_has_the_tables_and_figures(trained: Any, report: Path) -> None:
    assert "Title of fake" in (report / "report.html").read_text()
    assert {path.name for path in report.rglob("*") if path.is_file()} >= {
        "a_figure.png",
        "a_figure.svg",
        "a_table.csv",
    }
    record = json.loads((report / "report.json").read_text())
    assert record["run"] == trained["model"][0].uri
    assert [part["name"] for part in record["experiments"]] == ["fake", "bad"]
    assert record["experiments"][1]["exhibits"][0]["reason"] == "This failed with ZeroDivisionError: no ratings."


def test_without_later_ratings_there_is_a_page_and_nothing_to_compare(
    sequences: Any, trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = [split for split in Split if split is not Split.TRAIN]
    monkeypatch.setattr(
        "rrn_tf.report.subjects_of_runs.load_sequences", lambda folder: load_sequences(folder).without(held_out)
    )
    show(monkeypatch, fake=one_of_each)
    made = artifact(RatingReport, tmp_path)
    Executor().Do({"sequences": [sequences], **trained}, {"report": [made]}, {"everything": 0})
    assert json.loads((tmp_path / "leaderboard.json").read_text())["rows"] == []
    assert pd.read_parquet(tmp_path / "predictions.parquet").columns.tolist() == [
        "user_id",
        "item_id",
        "timestamp",
        "rating",
    ]
    assert "Title of fake" in (tmp_path / "report.html").read_text()


def test_no_test_ratings_no_answers(trained: Any) -> None:
    query = {"user_id": np.zeros(0, object), "item_id": np.zeros(0, object), "timestamp": np.zeros(0, np.int64)}
    assert SavedRRN(f"{trained['model'][0].uri}/Format-Serving").predict(**query).shape == (0,)


def test_a_training_of_an_earlier_version_is_told(sequences: Any, trained: Any, tmp_path: Path) -> None:
    inputs = {"sequences": [sequences], **trained, "model_run": [artifact(standard_artifacts.ModelRun, tmp_path)]}
    with pytest.raises(
        ValueError, match=r"config.yaml: expected the configuration of the training, found none.*--no-cache"
    ):
        Executor().Do(inputs, {"report": [artifact(RatingReport, tmp_path / "report")]}, {"everything": 0})
