"""The loop over epochs, with a stand-in for what an epoch does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tf_keras as keras

from rrn_tf.config import TrainingConfig
from rrn_tf.training.checkpoints import CheckpointError, Progress
from rrn_tf.training.epochs import Epoch, OnBatch, Training
from rrn_tf.training.listeners import Listener
from rrn_tf.training.phases import TrainingError


@dataclass(frozen=True)
class Figures:
    epoch: int
    best: bool
    first: float
    second: float
    error: float
    valid_seconds: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def summary(self) -> str:
        return f"epoch {self.epoch}"


class Walk(Epoch):
    """Two phases a random step each; validation errors as given."""

    record = Figures
    loss = "error"

    def __init__(self, errors: list[float], *, fails_at: int = 0) -> None:
        self.model = keras.Sequential([keras.layers.Dense(1, input_shape=(1,), use_bias=False)])
        self.phases = [SimpleNamespace(name=name, optimizers={}) for name in ("first", "second")]
        self.validated = bool(errors)
        self._errors = errors
        self._fails_at = fails_at
        self._epoch = 0

    @property
    def weight(self) -> float:
        return float(self.model.weights[0].numpy()[0, 0])

    def initialize(self) -> None:
        self.model.weights[0].assign([[0.0]])

    def run_phase(self, number: int, epoch: int, rng: np.random.Generator, on_batch: OnBatch) -> dict[str, float]:
        self._epoch = epoch
        if (epoch, number) == (self._fails_at, 1):
            raise TrainingError("second, batch 1 of 1: the loss is inf")
        self.model.weights[0].assign_add([[rng.standard_normal()]])
        on_batch(1, 1)
        return {self.phases[number].name: self.weight}

    def validate(self) -> float:
        return self._errors[self._epoch - 1] if self._errors else float("inf")


class StopAt(Listener):
    def __init__(self, epoch: int, phase: str) -> None:
        self._place = epoch, phase

    def on_batch(self, epoch: int, phase: str, done: int, of: int) -> None:
        if (epoch, phase) == self._place:
            raise KeyboardInterrupt


def run(
    walk: Walk,
    directory: Path,
    epochs: int,
    patience: int = 0,
    *,
    resume: bool = False,
    listener: Listener | None = None,
) -> tuple[Training, Progress]:
    settings = TrainingConfig(epochs=epochs, patience=patience)
    listeners = [listener] if listener else []
    training = Training(settings, directory, strategy=None, listeners=listeners, log_dir=None, resume=resume)
    return training, training.run(walk)


def figures(progress: Progress) -> list[dict[str, Any]]:
    return [asdict(record) | {"valid_seconds": 0.0} for record in progress.records]


def test_the_best_epoch_is_kept_until_patience_is_out(tmp_path: Path) -> None:
    walk = Walk([3.0, 2.0, 2.0, 2.5, 1.0])
    training, progress = run(walk, tmp_path, epochs=5, patience=2)
    assert progress.best_epoch == 2
    assert [record.best for record in progress.records] == [True, True, False, False]
    training.restore_best()
    assert walk.weight == progress.records[1].second


def test_without_validation_the_last_epoch_is_kept(tmp_path: Path) -> None:
    walk = Walk([])
    training, progress = run(walk, tmp_path, epochs=3, patience=1)
    assert progress.best_epoch == len(progress.records) == 3
    training.restore_best()
    assert walk.weight == progress.records[-1].second


@pytest.mark.parametrize("place", [(1, "first"), (2, "first"), (2, "second"), (3, "second")])
def test_a_stopped_training_goes_on_to_the_same_bits(place: tuple[int, str], tmp_path: Path) -> None:
    errors = [3.0, 1.0, 2.0]
    _, whole = run(Walk(errors), tmp_path / "whole", epochs=3)
    with pytest.raises(KeyboardInterrupt):
        run(Walk(errors), tmp_path / "parts", epochs=3, listener=StopAt(*place))
    walk = Walk(errors)
    training, progress = run(walk, tmp_path / "parts", epochs=3, resume=True)
    assert figures(progress) == figures(whole)
    training.restore_best()
    assert walk.weight == whole.records[1].second


@pytest.mark.parametrize(
    ("own", "found"),
    [(("network", "neighbours"), "network, neighbours"), ((), "an earlier version, which does not tell them")],
)
def test_a_mixture_of_other_parts_does_not_go_on(own: tuple[str, ...], found: str, tmp_path: Path) -> None:
    before, after = Walk([1.0, 0.5]), Walk([1.0, 0.5])
    before.parts, after.parts = own, ("network", "meeting")
    run(before, tmp_path, epochs=1)
    said = rf"phase-3: expected a mixture of the parts network, meeting, found that of {found}: train without --resume"
    with pytest.raises(CheckpointError, match=said):
        run(after, tmp_path, epochs=2, resume=True)
    _, progress = run(before, tmp_path, epochs=2, resume=True)
    assert len(progress.records) == 2


def test_an_error_names_the_epoch_and_the_last_good_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"^epoch 2, second, batch 1 of 1: the loss is inf; .*progress/phase-4: a "):
        run(Walk([2.0, 1.0], fails_at=2), tmp_path, epochs=2)
