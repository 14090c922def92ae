"""What training tells the outside while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import tensorflow as tf


class Record(Protocol):
    """What is said of an epoch, by whatever training."""

    @property
    def epoch(self) -> int: ...

    @property
    def best(self) -> bool: ...

    def as_dict(self) -> dict[str, Any]: ...

    def summary(self) -> str:
        """The epoch in one line."""


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: RMSE of each phase before its updates, then of all parts on validation, and how long each took."""

    epoch: int
    user_rmse: float
    item_rmse: float
    valid_rmse: float
    user_seconds: float
    item_seconds: float
    best: bool
    valid_seconds: float = 0.0  # unknown of checkpoints from before it was kept

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def summary(self) -> str:
        return (
            f"epoch {self.epoch:3d}  train {self.item_rmse:.4f}  valid {self.valid_rmse:.4f}"
            f"{' *' if self.best else '  '}  user {self.user_seconds:.1f} s  item {self.item_seconds:.1f} s"
        )


@dataclass(frozen=True)
class ChunkEpochRecord:
    """One epoch of truncated backpropagation: nats an event before each update, then those of validation."""

    epoch: int
    train_nll: float
    valid_nll: float
    seconds: float
    valid_seconds: float
    best: bool

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def summary(self) -> str:
        return (
            f"epoch {self.epoch:3d}  train {self.train_nll:.4f}  valid {self.valid_nll:.4f}"
            f"{' *' if self.best else '  '}  {self.seconds:.1f} s, validation {self.valid_seconds:.1f} s"
        )


class Listener:
    """Told of each batch and epoch; does nothing itself."""

    def on_start(self, description: str) -> None:
        """Training begins; `description` says on how many ratings."""

    def on_stage(self, description: str) -> None:
        """A stage beside the epochs begins or has ended; `description` says which, and with what."""

    def on_batch(self, epoch: int, phase: str, done: int, of: int) -> None:
        """A batch of a phase is done."""

    def on_epoch(self, record: Record) -> None:
        """An epoch is done."""


class Listeners(Listener):
    """Passes every call on to several listeners."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = tuple(listeners)

    def on_start(self, description: str) -> None:
        for listener in self._listeners:
            listener.on_start(description)

    def on_stage(self, description: str) -> None:
        for listener in self._listeners:
            listener.on_stage(description)

    def on_batch(self, epoch: int, phase: str, done: int, of: int) -> None:
        for listener in self._listeners:
            listener.on_batch(epoch, phase, done, of)

    def on_epoch(self, record: Record) -> None:
        for listener in self._listeners:
            listener.on_epoch(record)


class TensorBoard(Listener):
    """Writes each epoch's figures as TensorBoard scalars."""

    def __init__(self, directory: Path) -> None:
        self._writer = tf.summary.create_file_writer(str(directory))

    def on_epoch(self, record: Record) -> None:
        with self._writer.as_default(step=record.epoch):
            for name, value in record.as_dict().items():
                if name not in ("epoch", "best"):
                    tf.summary.scalar(name, value)
        self._writer.flush()
