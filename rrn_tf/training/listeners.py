"""Listeners, which are notified of the progress of training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol


class Record(Protocol):
    """The figures of an epoch, whatever the model."""

    @property
    def epoch(self) -> int: ...

    @property
    def best(self) -> bool: ...

    def as_dict(self) -> dict[str, Any]: ...

    def summary(self) -> str:
        """Returns the epoch's figures as one line of text."""


@dataclass(frozen=True)
class EpochRecord:
    """An epoch of RRN: RMSE of each phase before its updates, validation RMSE of all parts together, and seconds."""

    epoch: int
    user_rmse: float
    item_rmse: float
    valid_rmse: float
    user_seconds: float
    item_seconds: float
    best: bool
    valid_seconds: float = 0.0  # missing in checkpoints of earlier versions

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def summary(self) -> str:
        return (
            f"epoch {self.epoch:3d}  train {self.item_rmse:.4f}  {_validation(self.valid_rmse)}"
            f"{' *' if self.best else '  '}  user {self.user_seconds:.1f} s  item {self.item_seconds:.1f} s"
        )


@dataclass(frozen=True)
class ChunkEpochRecord:
    """An epoch of truncated backpropagation: training loss before updates and validation loss, in nats per event."""

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
            f"epoch {self.epoch:3d}  train {self.train_nll:.4f}  {_validation(self.valid_nll)}"
            f"{' *' if self.best else '  '}  {self.seconds:.1f} s, validation {self.valid_seconds:.1f} s"
        )


def _validation(error: float) -> str:
    """Returns the validation error as text; it is infinite if nothing was held out."""
    return f"valid {error:.4f}" if math.isfinite(error) else "not validated"


class Listener:
    """The base class of listeners: its methods are called during training, and do nothing by default."""

    def on_start(self, description: str) -> None:
        """Called when training begins; `description` contains the number of ratings."""

    def on_stage(self, description: str) -> None:
        """Called when a stage outside of the epochs begins or ends; `description` contains its name and its result."""

    def on_batch(self, epoch: int, phase: str, done: int, of: int) -> None:
        """Called after each batch, when `done` batches of `of` in a phase are done."""

    def on_figures(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Called with validation figures that no record has, by name, such as ``validation/streaming/mae``."""

    def on_epoch(self, record: Record) -> None:
        """Called after each epoch."""


class Listeners(Listener):
    """A listener that forwards every call to several listeners."""

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

    def on_figures(self, epoch: int, figures: Mapping[str, float]) -> None:
        for listener in self._listeners:
            listener.on_figures(epoch, figures)

    def on_epoch(self, record: Record) -> None:
        for listener in self._listeners:
            listener.on_epoch(record)
