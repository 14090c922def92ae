"""Report: the model beside the baselines on the same test ratings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from components.report.component import RatingReport
from components.report.executor import Executor
from rrn_tf.data.sequences import load_sequences
from rrn_tf.features import Split
from rrn_tf.serving.saved_files import RECOMMEND
from rrn_tf.serving.saved_rrn import SavedRRN


class Double(tf.Module):
    """Stands in for a served model: the rating is the hour of the timestamp, plus one for user u1."""

    def __init__(self) -> None:
        super().__init__()
        self.user, self.item = tf.Module(), tf.Module()
        for table in (self.user, self.item):
            table.network = [tf.Variable(tf.zeros([2, 3]))]
        sizes = {"num_users": 1, "num_items": 1, "stationary": 1, "bayesian_factors": 1}
        self.about = tf.Variable(json.dumps({"model": sizes}))

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "user_id"),
            tf.TensorSpec([None], tf.string, "item_id"),
            tf.TensorSpec([None], tf.int64, "timestamp"),
        ]
    )
    def answer(self, user_id: Any, item_id: Any, timestamp: Any) -> dict[str, Any]:
        bonus = tf.cast(user_id == "u1", tf.float32)
        return {"rating": tf.cast(timestamp // 3600 % 24, tf.float32) + bonus + 0 * tf.cast(item_id == "", tf.float32)}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    artifact = standard_artifacts.Model()
    artifact.uri = str(tmp_path_factory.mktemp("model"))
    double = Double()
    tf.saved_model.save(
        double, f"{artifact.uri}/Format-Serving", signatures={"predict": double.answer, RECOMMEND: double.answer}
    )
    return artifact


def run(sequences: Any, model: Any, folder: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    report = RatingReport()
    report.uri = str(folder)
    Executor().Do({"sequences": [sequences], "model": [model]}, {"report": [report]}, {})
    return json.loads((folder / "leaderboard.json").read_text()), pd.read_parquet(folder / "predictions.parquet")


def test_leaderboard_has_every_model_on_the_same_rows(sequences: Any, model: Any, tmp_path: Path) -> None:
    board, _ = run(sequences, model, tmp_path)
    assert {row["model"] for row in board["rows"]} == {
        "RRN",
        "global mean",
        "user+item bias",
        "PMF raw",
        "PMF centred",
        "Bayesian factors",
    }
    loaded = load_sequences(sequences.uri)
    assert {row["n"] for row in board["rows"]} == {len(loaded.rating_indices([Split.TEST]))}
    costs = {row["model"]: (row["parameters"], row["seconds"]) for row in board["rows"]}
    assert board["protocol"] == "frozen"
    assert costs["RRN"] == (2 * 6 + 4 * (1 + 2 * 2), None)  # networks; of each entity, stationary and Bayesian factors
    assert costs["global mean"][0] == 1
    assert costs["PMF raw"][1] > 0
    assert "| RRN |" in (tmp_path / "leaderboard.md").read_text()


def test_figures_are_those_of_the_written_predictions(sequences: Any, model: Any, tmp_path: Path) -> None:
    board, frame = run(sequences, model, tmp_path)
    for row in board["rows"]:
        error = frame[row["model"]] - frame["rating"]
        assert row["rmse"] == pytest.approx(np.sqrt((error.astype(float) ** 2).mean()), rel=1e-5)
    # The mean of the training ratings, which the report must not have fitted on the test ratings.
    loaded = load_sequences(sequences.uri)
    assert frame["global mean"].unique() == pytest.approx([loaded.interactions([Split.TRAIN]).rating.mean()])


def test_the_model_is_asked_by_id_and_time_and_held_to_the_rating_range(
    sequences: Any, model: Any, tmp_path: Path
) -> None:
    _, frame = run(sequences, model, tmp_path)
    expected = frame["timestamp"] // 3600 % 24 + (frame["user_id"] == "u1")
    assert frame["RRN"].tolist() == expected.clip(0.5, 5.0).tolist()


def test_no_test_ratings_no_answers(model: Any) -> None:
    query = {"user_id": np.zeros(0, object), "item_id": np.zeros(0, object), "timestamp": np.zeros(0, np.int64)}
    assert SavedRRN(f"{model.uri}/Format-Serving").predict(**query).shape == (0,)
