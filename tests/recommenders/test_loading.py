"""What was saved is loaded again, whichever kind it is, and anything else is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

import rrn_tf
from rrn_tf import load
from rrn_tf.serving.saved_files import ModelNotFoundError


def test_names_are_the_recommenders() -> None:
    assert load is rrn_tf.recommenders.load
    with pytest.raises(AttributeError, match="module 'rrn_tf' has no attribute 'Recommender'"):
        _ = rrn_tf.Recommender


def test_anything_else_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        ModelNotFoundError, match="nowhere: expected a SavedModel, a run directory or numbered versions"
    ):
        load(tmp_path / "nowhere")
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(ModelNotFoundError, match=r"other: expected a model saved by rrn_tf, found .* signatures: none"):
        load(tmp_path / "other")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "saved_model.pb").write_text("no model")
    with pytest.raises(
        ModelNotFoundError, match="broken: expected a SavedModel, found one that cannot be read"
    ) as told:
        load(broken)
    assert "\n" not in str(told.value)
