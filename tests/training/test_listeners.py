"""What is logged for TensorBoard."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import tensorflow as tf

from rrn_tf.training.listeners import EpochRecord, TensorBoard


def test_figures_of_an_epoch_are_scalars_of_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # TensorFlow 2.21 does not bring it.
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    TensorBoard(tmp_path).on_epoch(EpochRecord(3, 0.5, 0.25, 0.75, 1.0, 2.0, best=True))
    (file,) = tmp_path.iterdir()
    events = list(tf.compat.v1.train.summary_iterator(str(file)))
    found = {value.tag: value for event in events for value in event.summary.value}
    assert set(found) == {"user_rmse", "item_rmse", "valid_rmse", "user_seconds", "item_seconds", "valid_seconds"}
    assert float(tf.make_ndarray(found["valid_rmse"].tensor)) == 0.75
    assert {value.metadata.plugin_data.plugin_name for value in found.values()} == {"scalars"}
    assert {event.step for event in events if event.summary.value} == {3}
