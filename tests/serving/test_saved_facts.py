"""What the files beside a model tell about it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rrn_tf.config import DataConfig
from rrn_tf.features import COLUMNS, EVENT_COLUMNS, METADATA_FILE
from rrn_tf.serving.model_card import EXTRA, OF_EVENTS, OF_RATINGS
from rrn_tf.serving.saved_facts import columns_of_model, keep_max_bad_share, max_bad_share_of


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run directory with the files of a model that can be told by its metadata."""
    model = tmp_path / "run" / "model"
    (model / EXTRA).mkdir(parents=True)
    (model / "saved_model.pb").touch()
    (model / EXTRA / METADATA_FILE).write_text(json.dumps({"model": OF_RATINGS}))
    return tmp_path / "run"


def test_a_models_kind_tells_the_columns_of_its_data(run: Path) -> None:
    assert columns_of_model(run) == columns_of_model(run / "model") == COLUMNS
    for text in (json.dumps({"model": OF_EVENTS}), "{", "{}"):
        (run / "model" / EXTRA / METADATA_FILE).write_text(text)
        assert columns_of_model(run) == EVENT_COLUMNS
    assert columns_of_model(run / "nowhere") == EVENT_COLUMNS


def test_the_share_of_bad_rows_is_that_of_training(run: Path) -> None:
    assert max_bad_share_of(run / "nowhere") == max_bad_share_of(run) == DataConfig.max_bad_share
    for text, share in (
        ("data: {max_bad_share: 0.05}", 0.05),
        ("another: file", DataConfig.max_bad_share),
        ("[", 0.01),
    ):
        (run / "config.yaml").write_text(text)
        assert max_bad_share_of(run) == share, "a model of an earlier version is in its run directory"
    keep_max_bad_share(run / "model", 0.25)
    assert max_bad_share_of(run) == max_bad_share_of(run / "model") == 0.25
    assert columns_of_model(run) == COLUMNS, "the other facts stay"
