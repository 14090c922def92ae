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

from rrn_tf import CollaborativeRecommender, RRNRecommender, load
from rrn_tf.config import load_config
from rrn_tf.data.items import items_of
from rrn_tf.data.load_events import load_events
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.in_memory import read_files
from rrn_tf.features import COLUMNS
from rrn_tf.training.alternating import train
from rrn_tf.training.listeners import Listener
from tests.recommended import TINY, TINY_EVENTS, early_and_late, event_frame, rating_frame


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


def train_tiny_events(root: Path) -> Path:
    """Trains a tiny Collaborative RNN in a directory, which is returned."""
    settings = {**TINY_EVENTS, "training.epochs": 2}
    CollaborativeRecommender(overrides=settings).fit(early_and_late(event_frame())[0], output=root)
    return root


def of_run(run: Path) -> dict[str, Subject]:
    """Returns the sequences and the SavedModel of a run on ratings."""
    return {
        "sequences": Subject(run / "sequences", lambda folder: _bytes_of(load_sequences(folder))),
        "model": Subject(run / "model", _all_of_model),
    }


def of_event_run(run: Path) -> dict[str, Subject]:
    """Returns the sequences and the SavedModel of a run on events."""
    return {
        "event sequences": Subject(run / "sequences", lambda folder: _bytes_of(load_events(folder))),
        "event model": Subject(run / "model", _all_of_event_model),
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


def of_input(root: Path) -> dict[str, Subject]:
    """Writes files of ratings whose format has checksums of rows, and returns them."""
    rows = rating_frame()
    for name in ("csv.gz", "parquet"):
        (root / name).mkdir(parents=True)
    rows.to_csv(root / "csv.gz" / "ratings.csv.gz", index=False)
    rows.to_parquet(root / "parquet" / "ratings.parquet", index=False, compression="gzip")
    return {f"input, {name}": Subject(root / name, _all_rows) for name in ("csv.gz", "parquet")}


def copied(subject: Subject, to: Path) -> Path:
    """Copies the folder of a subject in place of an earlier copy, and returns the copy."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(subject.folder, to)
    return to


class _StopInSecondEpoch(Listener):
    def on_batch(self, epoch: int, phase: str, done: int, of: int) -> None:
        if (epoch, phase) == (2, "item_phase"):
            raise KeyboardInterrupt


def _all_rows(folder: Path) -> bytes:
    read, _ = read_files(str(folder / "*"), COLUMNS)
    if read.rejected.num_rows:
        raise BadInputError(f"{read.rejected.num_rows} rejected rows, of which each is told")
    return b"".join(repr(batch.to_pylist()).encode() for batch in read.good).replace(str(folder).encode(), b"")


def _all_of_event_model(folder: Path) -> bytes:
    model = load(folder)
    assert isinstance(model, CollaborativeRecommender)
    users = event_frame()["user_id"].unique()
    return b"".join([model.recommend(users, k=9).to_csv().encode(), repr(items_of(folder)).encode()])


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
