"""StateUpdater and UpdateEvaluator: what they read, and what they bless."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tfx.types import standard_artifacts

from components.state_updater.component import StateUpdate
from components.state_updater.executor import read_ratings, saved_model_uri
from components.update_evaluator.executor import Executor


def test_all_splits_are_new_ratings(examples: Any, ratings_csv: Path) -> None:
    ratings = read_ratings(examples)
    found = sorted(zip(*(column.to_pylist() for column in ratings.columns), strict=True))
    rows = (line.split(",") for line in ratings_csv.read_text().splitlines()[1:-1])  # the last one is bad
    assert found == sorted((user, item, int(time), np.float32(rating)) for user, item, rating, time in rows)
    assert ratings.schema.types[2:] == [pa.int64(), pa.float32()]


@pytest.mark.parametrize(("updated", "blessed"), [(5.0, True), (5.3, False)])
def test_an_update_by_events_is_blessed_by_the_last_of_each_user(updated: float, blessed: bool, tmp_path: Path) -> None:
    assert decided({"events": 3, "last": {"updated": updated, "frozen": 5.1}}, tmp_path) == blessed
    assert decided({"events": 3, "last": None}, tmp_path)
    assert not decided({"events": 0, "last": None}, tmp_path)


def test_a_model_lies_where_trainer_or_pusher_puts_it(tmp_path: Path) -> None:
    assert saved_model_uri(str(tmp_path)) == str(tmp_path)
    (tmp_path / "Format-Serving").mkdir()
    assert saved_model_uri(str(tmp_path)) == str(tmp_path / "Format-Serving")


@pytest.mark.parametrize(
    ("rmse", "blessed"),
    [
        ({"updated": 1.0, "frozen": 1.2}, True),
        ({"updated": 1.21, "frozen": 1.2}, True),
        ({"updated": 1.23, "frozen": 1.2}, False),
        (None, False),
    ],
)
def test_an_update_is_blessed_for_what_it_foresaw(rmse: dict[str, float] | None, blessed: bool, tmp_path: Path) -> None:
    assert decided({"ratings": 0 if rmse is None else 3, "rmse": rmse}, tmp_path) == blessed


def decided(report: dict[str, Any], folder: Path) -> bool:
    """Whether an update with such a report is blessed."""
    update, blessing = StateUpdate(), standard_artifacts.ModelBlessing()
    for artifact in (update, blessing):
        artifact.uri = str(folder / artifact.type_name)
        shutil.rmtree(artifact.uri, ignore_errors=True)
        Path(artifact.uri).mkdir()
    Path(update.uri, "update.json").write_text(json.dumps(report))
    Executor().Do({"update": [update]}, {"blessing": [blessing]}, {"max_increase": 0.02})
    blessed = bool(blessing.get_int_custom_property("blessed"))
    assert Path(blessing.uri, "BLESSED" if blessed else "NOT_BLESSED").exists()
    return blessed
