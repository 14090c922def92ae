"""Damaged checkpoints are passed over for the one before, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import tf_keras as keras

from rrn_tf.training.checkpoints import CheckpointError, Checkpoints, Progress


def opened(folder: Path) -> tuple[Checkpoints, Progress]:
    model, progress = keras.Sequential([keras.layers.Dense(3)]), Progress()
    model.build((None, 2))
    return Checkpoints(folder, model, [], progress), progress


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    checkpoints, progress = opened(tmp_path)
    checkpoints.save_best(0)
    checkpoints.save()
    progress.epoch = 2
    checkpoints.save()
    return tmp_path


def test_the_one_before_a_cut_checkpoint_is_restored(folder: Path) -> None:
    (data,) = (folder / "progress").glob("phase-2.data*")
    data.write_bytes(data.read_bytes()[:5])
    checkpoints, progress = opened(folder)
    assert checkpoints.restore()
    assert progress.epoch == 1
    checkpoints.restore_best()


def test_without_a_readable_checkpoint_training_does_not_start_anew_by_itself(folder: Path) -> None:
    for data in (folder / "progress").glob("phase-*.data*"):
        data.write_bytes(data.read_bytes()[:5])
    checkpoints, _ = opened(folder)
    with pytest.raises(CheckpointError, match=r"progress: all checkpoints are damaged: train without --resume"):
        checkpoints.restore()


def test_lost_best_weights_are_refused(folder: Path) -> None:
    (folder / "best" / "checkpoint").unlink()
    checkpoints, _ = opened(folder)
    with pytest.raises(CheckpointError, match=r"best: expected the weights of epoch 0, found none .*: train without"):
        checkpoints.restore_best()


def test_a_damaged_list_of_checkpoints_is_refused(folder: Path) -> None:
    listed = folder / "progress" / "checkpoint"
    listed.write_bytes(listed.read_bytes()[:20] + b"\xef" + listed.read_bytes()[21:])
    with pytest.raises(CheckpointError, match=r"a list of the checkpoints is damaged: train without --resume"):
        opened(folder)
