"""Where training stands, on disk: enough to go on from the last phase as if it had never stopped."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import tensorflow as tf
import tf_keras as keras

from rrn_tf.training.listeners import EpochRecord, Record

_KEPT = 2  # so that one damaged by a failing disk still leaves the one before


class TrainedPart(Protocol):
    """A part of training with optimizers of its own, such as a phase."""

    @property
    def name(self) -> str: ...

    @property
    def optimizers(self) -> dict[str, keras.optimizers.legacy.Optimizer]: ...


@dataclass
class Progress:
    """How far training has come.

    Attributes:
      epoch: the epoch that runs, from 1.
      phase: how many of its phases are done.
      outcome: error and seconds of those phases.
      rng: state of the generator that orders the batches.
      best: the best validation error so far; infinite without validation data.
      best_epoch: the epoch that reached it; 0 is the start.
      records: one per finished epoch.
      record: the class of those records.
    """

    epoch: int = 1
    phase: int = 0
    outcome: dict[str, float] = field(default_factory=dict)
    rng: dict[str, Any] = field(default_factory=dict)
    best: float = float("inf")
    best_epoch: int = 0
    records: list[Any] = field(default_factory=list)
    record: type[Record] = EpochRecord

    def to_json(self) -> str:
        """One line of JSON."""
        values = dataclasses.asdict(self)
        del values["record"]
        return json.dumps(values)

    def read_json(self, text: str) -> None:
        """Takes over what `to_json` wrote."""
        values = json.loads(text)
        values["records"] = [self.record(**record) for record in values["records"]]
        for name, value in values.items():
            setattr(self, name, value)


class _State(tf.train.experimental.PythonState):
    """Lets a checkpoint hold a `Progress`."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def serialize(self) -> str:
        return self._progress.to_json()

    def deserialize(self, string_value: bytes | str) -> None:
        self._progress.read_json(tf.compat.as_text(string_value))


class Checkpoints:
    """Weights, optimizer slots and progress after each phase, and the weights of the best epoch.

    A checkpoint is complete or absent: TensorFlow writes it under other names and renames it at the end. The two
    newest are kept, and one of the best weights.

    Args:
      directory: holds `progress` and `best`.
      model: the network.
      phases: parts of the training, with their optimizers.
      progress: is written with every checkpoint and set by `restore`.
      writes: of several workers only one writes; all may restore.
    """

    def __init__(
        self,
        directory: str | Path,
        model: keras.Model,
        phases: Sequence[TrainedPart],
        progress: Progress,
        *,
        writes: bool = True,
    ) -> None:
        self._writes = writes
        optimizers = {f"{phase.name}_{name}": o for phase in phases for name, o in phase.optimizers.items()}
        self._all = tf.train.Checkpoint(model=model, progress=_State(progress), **optimizers)
        self._weights = tf.train.Checkpoint(model=model)
        self._newest = tf.train.CheckpointManager(
            self._all, str(Path(directory, "progress")), _KEPT, checkpoint_name="phase"
        )
        self._best = tf.train.CheckpointManager(self._weights, str(Path(directory, "best")), 1, checkpoint_name="epoch")

    @staticmethod
    def clear(directory: str | Path) -> None:
        """Removes what an earlier training left."""
        shutil.rmtree(directory, ignore_errors=True)

    @property
    def latest(self) -> str | None:
        """Path of the newest checkpoint, if there is one."""
        return self._newest.latest_checkpoint

    def save(self) -> None:
        """Writes weights, optimizer slots and progress."""
        if self._writes:
            self._newest.save()

    def save_best(self, epoch: int) -> None:
        """Keeps the present weights as the best ones."""
        if self._writes:
            self._best.save(checkpoint_number=epoch)

    def restore(self) -> bool:
        """Goes back to the newest checkpoint that can be read; False where there is none."""
        for path in reversed(self._newest.checkpoints):
            try:
                # Slots that do not exist yet are filled when they are made.
                self._all.restore(path).assert_existing_objects_matched()
            except tf.errors.OpError:
                continue
            return True
        return False

    def restore_best(self) -> None:
        """Goes back to the best weights."""
        self._weights.restore(self._best.latest_checkpoint).expect_partial()
