"""Checkpoints: they save all that is needed to resume training from the last phase as if it had never stopped."""

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

_PROGRESS = "progress/.ATTRIBUTES/py_state"  # the name of `Progress` in a checkpoint
_DAMAGED = (tf.errors.OpError, IndexError)  # an IndexError where a file is shorter than it was
_ANEW = "train without --resume, which starts anew"
_LOST = f"found none or those of another epoch: {_ANEW}"
_KEPT = 2  # if a failing disk damages the newest one, the one before is still there


class TrainedPart(Protocol):
    """A part of training that has its own optimizers, such as a phase."""

    @property
    def name(self) -> str: ...

    @property
    def optimizers(self) -> dict[str, keras.optimizers.legacy.Optimizer]: ...


@dataclass
class Progress:
    """The progress of a training.

    Attributes:
      epoch: the current epoch, from 1.
      phase: the number of its finished phases.
      outcome: error and seconds of those phases.
      rng: the state of the random generator that orders the batches.
      best: the best validation error so far; infinite without validation data.
      best_epoch: the epoch that reached it; 0 means the initial weights.
      records: one record per finished epoch.
      record: the class of those records.
      parts: what a mixture mixes, in order, so that weights of another one are not taken for its own.
    """

    epoch: int = 1
    phase: int = 0
    outcome: dict[str, float] = field(default_factory=dict)
    rng: dict[str, Any] = field(default_factory=dict)
    best: float = float("inf")
    best_epoch: int = 0
    records: list[Any] = field(default_factory=list)
    record: type[Record] = EpochRecord
    parts: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        """Returns the progress as one line of JSON."""
        values = dataclasses.asdict(self)
        del values["record"]
        return json.dumps(values)

    def read_json(self, text: str) -> None:
        """Sets the progress to what `to_json` wrote."""
        values = json.loads(text)
        values["records"] = [self.record(**record) for record in values["records"]]
        for name, value in values.items():
            setattr(self, name, value)


class CheckpointError(ValueError):
    """Raised if a checkpoint is damaged or of another network; the message states what was expected and found."""


class _State(tf.train.experimental.PythonState):
    """Makes a `Progress` part of a TensorFlow checkpoint."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self._progress = progress

    def serialize(self) -> str:
        return self._progress.to_json()

    def deserialize(self, string_value: bytes | str) -> None:
        self._progress.read_json(tf.compat.as_text(string_value))


class Checkpoints:
    """Saves weights, optimizer slots and progress after each phase, and the weights of the best epoch.

    A checkpoint is complete or absent: TensorFlow writes it under other names and renames it at the end. The two
    newest are kept, and one checkpoint of the best weights.

    Args:
      directory: the directory that holds `progress` and `best`.
      model: the network.
      phases: the parts of the training, with their optimizers.
      progress: the progress, written with every checkpoint and set by `restore`.
      writes: whether this worker writes; only one of several may, but all may restore.

    Raises:
      CheckpointError: if the list of the checkpoints that the directory holds is damaged.
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
        self._progress = progress
        optimizers = {f"{phase.name}_{name}": o for phase in phases for name, o in phase.optimizers.items()}
        self._all = tf.train.Checkpoint(model=model, progress=_State(progress), **optimizers)
        self._weights = tf.train.Checkpoint(model=model)
        try:
            self._newest = tf.train.CheckpointManager(
                self._all, str(Path(directory, "progress")), _KEPT, checkpoint_name="phase"
            )
            self._best = tf.train.CheckpointManager(
                self._weights, str(Path(directory, "best")), 1, checkpoint_name="epoch"
            )
        except UnicodeDecodeError as error:  # in a file named checkpoint, which lists the others
            raise CheckpointError(f"{directory}: a list of the checkpoints is damaged: {_ANEW}") from error

    @staticmethod
    def clear(directory: str | Path) -> None:
        """Removes the checkpoints of an earlier training."""
        shutil.rmtree(directory, ignore_errors=True)

    @property
    def latest(self) -> str | None:
        """The path of the newest checkpoint, or None."""
        return self._newest.latest_checkpoint

    def save(self) -> None:
        """Writes weights, optimizer slots and progress."""
        if self._writes:
            self._newest.save()

    def save_best(self, epoch: int) -> None:
        """Saves the current weights as the best ones."""
        if self._writes:
            self._best.save(checkpoint_number=epoch)

    def restore(self) -> bool:
        """Restores the newest readable checkpoint; returns False if there is no checkpoint.

        Raises:
          CheckpointError: if it belongs to a mixture of other parts, or to a network of another form, or if all
            checkpoints are damaged.
        """
        for path in reversed(self._newest.checkpoints):
            try:
                self._check_parts(path)
                # Slots that do not exist yet are restored when they are created.
                self._all.restore(path).assert_existing_objects_matched()
            except _DAMAGED:
                continue
            return True
        if self._newest.checkpoints:
            raise CheckpointError(f"{self._newest.directory}: all checkpoints are damaged: {_ANEW}")
        return False

    def _check_parts(self, path: str) -> None:
        saved = json.loads(tf.train.load_checkpoint(path).get_tensor(_PROGRESS))
        found, expected = saved.get("parts", []), self._progress.parts
        if found != expected:
            told = ", ".join(found) or "an earlier version, which does not tell them"
            raise CheckpointError(
                f"{path}: expected a mixture of the parts {', '.join(expected) or 'none'}, found that of {told}: "
                f"{_ANEW}"
            )

    def restore_best(self) -> None:
        """Restores the best weights.

        Raises:
          CheckpointError: if they are missing, damaged or those of another epoch.
        """
        path, folder = self._best.latest_checkpoint, self._best.directory
        try:
            if path is None or not path.endswith(f"-{self._progress.best_epoch}"):
                raise CheckpointError(f"{folder}: expected the weights of epoch {self._progress.best_epoch}, {_LOST}")
            self._weights.restore(path).assert_existing_objects_matched()
        except _DAMAGED as error:
            raise CheckpointError(f"{folder}: the weights of the best epoch are damaged: {_ANEW}") from error
