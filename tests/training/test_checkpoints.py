"""Training that is stopped goes on as if it had not been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rrn_tf.config import Config, config_from_dict, dump_config
from rrn_tf.training.alternating import TrainingResult, train
from rrn_tf.training.checkpoints import Progress
from rrn_tf.training.listeners import EpochRecord, Listener
from rrn_tf.training.phases import TrainingError

EPOCHS = 3
ROOT = Path(__file__).parent.parent.parent


def config(**training: Any) -> Config:
    small = {"units": 6, "embedding": 5, "dynamic": 4, "stationary": 3, "bayesian_factors": 3}
    settings = {
        "epochs": EPOCHS,
        "patience": 0,
        "selection": "both",
        "rows_per_batch": 512,
        "learning_rate": 3e-3,
        **training,
    }
    return config_from_dict({"model": small, "training": settings})


class StopAt(Listener):
    """Stops training at a batch, once."""

    def __init__(self, *place: Any, kill: bool = False) -> None:
        self.place, self.kill = place, kill

    def on_batch(self, epoch: int, phase: str, done: int, of: int) -> None:
        if (epoch, phase, done) == self.place:
            if self.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            raise KeyboardInterrupt


def same(left: TrainingResult, right: TrainingResult) -> None:
    for mine, theirs in zip(left.model.variables, right.model.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    assert left.metrics == right.metrics
    assert left.parts == right.parts
    assert left.best_epoch == right.best_epoch
    figures = ("epoch", "user_rmse", "item_rmse", "valid_rmse", "best")
    for mine, theirs in zip(left.history, right.history, strict=True):
        assert [getattr(mine, name) for name in figures] == [getattr(theirs, name) for name in figures]


@pytest.fixture(scope="module")
def uninterrupted(prepared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    return train(prepared_dir, tmp_path_factory.mktemp("whole"), config())


@pytest.mark.slow
@pytest.mark.parametrize("place", [(1, "user_phase", 2), (2, "item_phase", 1), (3, "user_phase", 1)])
def test_resumed_training_ends_in_the_same_bits(
    place: tuple[int, str, int], uninterrupted: TrainingResult, prepared_dir: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(prepared_dir, tmp_path, config(), listeners=[StopAt(*place)])
    same(train(prepared_dir, tmp_path, config(), resume=True), uninterrupted)


@pytest.mark.slow
def test_a_killed_process_goes_on_in_another(uninterrupted: TrainingResult, prepared_dir: Path, tmp_path: Path) -> None:
    """SIGKILL in the middle of a phase; the resumed training runs in this process."""
    dump_config(config(), tmp_path / "config.yaml")
    code = f"""
from rrn_tf.config import load_config
from rrn_tf.training.alternating import train
from tests.training.test_checkpoints import StopAt
train({str(prepared_dir)!r}, {str(tmp_path / "out")!r}, load_config({str(tmp_path / "config.yaml")!r}),
      listeners=[StopAt(2, "item_phase", 2, kill=True)])
"""
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == -signal.SIGKILL, finished.stderr
    same(train(prepared_dir, tmp_path / "out", config(), resume=True), uninterrupted)


@pytest.mark.slow
def test_a_damaged_checkpoint_leaves_the_one_before(
    uninterrupted: TrainingResult, prepared_dir: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(prepared_dir, tmp_path, config(), listeners=[StopAt(2, "item_phase", 1)])
    files = sorted((tmp_path / "progress").glob("phase-*.index"), key=lambda p: int(p.stem.split("-")[1]))
    assert len(files) == 2, "two checkpoints are kept"
    files[-1].write_bytes(files[-1].read_bytes()[:20])
    same(train(prepared_dir, tmp_path, config(), resume=True), uninterrupted)


@pytest.mark.slow
def test_a_finished_training_can_run_more_epochs(prepared_dir: Path, tmp_path: Path) -> None:
    whole = train(prepared_dir, tmp_path / "whole", config(epochs=2))
    train(prepared_dir, tmp_path / "parts", config(epochs=1))
    same(train(prepared_dir, tmp_path / "parts", config(epochs=2), resume=True), whole)
    same(train(prepared_dir, tmp_path / "parts", config(epochs=2), resume=True), whole)


@pytest.mark.slow
def test_an_exploding_loss_leaves_the_last_good_checkpoint(prepared_dir: Path, tmp_path: Path) -> None:
    place = r"epoch \d+, (user|item)_phase, (after )?batch \d+.*the (loss is|weights are)"
    with pytest.raises(TrainingError, match=f"{place}.*last good checkpoint is .*phase-") as caught:
        train(prepared_dir, tmp_path, config(learning_rate=1e6, gradient_clip=0.0))
    path = str(caught.value).split("checkpoint is ")[1].split(":")[0]
    assert Path(f"{path}.index").exists()
    result = train(prepared_dir, tmp_path, config(epochs=1), resume=True)
    assert np.isfinite(result.metrics["train"]["frozen"]["rmse"])


def test_progress_round_trip() -> None:
    progress = Progress(epoch=2, phase=1, rng=dict(np.random.default_rng(3).bit_generator.state), best=0.5)
    progress.records = [EpochRecord(1, 1.0, 0.9, 0.8, 0.1, 0.2, best=True)]
    other = Progress()
    other.read_json(progress.to_json())
    assert other == progress
