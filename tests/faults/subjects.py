"""What is damaged: each has a folder of files, and a function that reads it and returns all it found as bytes."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rrn_tf import RRNRecommender, load
from rrn_tf.config import load_config
from rrn_tf.data.items import items_of
from rrn_tf.data.sequences import load_sequences
from rrn_tf.training.alternating import train
from rrn_tf.training.listeners import Listener
from tests.recommended import TINY, early_and_late, rating_frame


@dataclass(frozen=True)
class Subject:
    """A folder that is damaged in copies.

    Attributes:
      folder: the undisturbed folder.
      outcome: reads a copy of the folder, and returns what it found; equal bytes are equal results.
    """

    folder: Path
    outcome: Callable[[Path], bytes]


def train_tiny(root: Path) -> Path:
    """Trains a tiny RRN in a directory, which is returned."""
    RRNRecommender(overrides={**TINY, "training.epochs": 2}).fit(early_and_late(rating_frame())[0], output=root)
    return root


def of_run(run: Path) -> dict[str, Subject]:
    """Returns the sequences and the SavedModel of a run."""
    return {
        "sequences": Subject(run / "sequences", _all_sequences),
        "model": Subject(run / "model", _all_of_model),
    }


def of_training(run: Path, half: Path) -> dict[str, Subject]:
    """Trains on a run's sequences in a new folder, stops halfway, and returns the checkpoints, which are resumed."""
    config = load_config(run / "config.yaml")
    with contextlib.suppress(KeyboardInterrupt):
        train(run / "sequences", half, config, listeners=[_StopInSecondEpoch()])

    def resumed(folder: Path) -> bytes:
        result = train(run / "sequences", folder, config, resume=True)
        weights = [variable.numpy().tobytes() for variable in result.model.variables]
        return b"".join(weights) + repr((result.best_epoch, result.metrics)).encode()

    return {"checkpoints": Subject(half, resumed)}


def copied(subject: Subject, to: Path) -> Path:
    """Copies the folder of a subject in place of an earlier copy, and returns the copy."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(subject.folder, to)
    return to


class _StopInSecondEpoch(Listener):
    def on_batch(self, epoch: int, phase: str, done: int, of: int) -> None:
        if (epoch, phase) == (2, "item_phase"):
            raise KeyboardInterrupt


def _all_sequences(folder: Path) -> bytes:
    return _bytes_of(load_sequences(folder))


def _all_of_model(folder: Path) -> bytes:
    model, late = load(folder), early_and_late(rating_frame())[1]
    assert isinstance(model, RRNRecommender)
    rows = late[["user_id", "item_id", "timestamp"]]
    return b"".join([np.asarray(model.predict(rows)).tobytes(), repr(items_of(folder)).encode()])


def _bytes_of(value: Any) -> bytes:
    """Returns all arrays and numbers in a dataclass, in order of its fields."""
    if dataclasses.is_dataclass(value):
        return b"".join(_bytes_of(getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.tobytes()
    return repr(value.tolist() if isinstance(value, np.ndarray) else value).encode()
