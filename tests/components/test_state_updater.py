"""StateUpdater and UpdateEvaluator: what they read, and what they bless."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tfx.types import standard_artifacts

from components.state_updater.component import StateUpdate
from components.state_updater.executor import read_ratings, saved_model_uri
from components.update_evaluator.executor import Executor


def test_all_splits_are_new_ratings(examples: Any, ratings_csv: Path) -> None:
    ratings = read_ratings(examples)
    found = sorted(zip(ratings.user_id, ratings.item_id, ratings.timestamp, ratings.rating, strict=True))
    rows = (line.split(",") for line in ratings_csv.read_text().splitlines()[1:-1])  # the last one is bad
    assert found == sorted((user, item, int(time), np.float32(rating)) for user, item, rating, time in rows)
    assert ratings.timestamp.dtype == np.int64


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
    update, blessing = StateUpdate(), standard_artifacts.ModelBlessing()
    for artifact in (update, blessing):
        artifact.uri = str(tmp_path / artifact.type_name)
        Path(artifact.uri).mkdir()
    Path(update.uri, "update.json").write_text(json.dumps({"rmse": rmse}))
    Executor().Do({"update": [update]}, {"blessing": [blessing]}, {"max_rmse_increase": 0.02})
    assert blessing.get_int_custom_property("blessed") == int(blessed)
    assert Path(blessing.uri, "BLESSED" if blessed else "NOT_BLESSED").exists()
