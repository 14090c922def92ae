"""Reads events in the format of the Collaborative RNN's authors: lines ``user item t`` of integers, ids from 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split

CARVED_OUT = 0.1  # fraction of each user's training events that can be used for validation


def read_events(train: str | Path, valid: str | Path, *, carve_out: bool = False) -> EventSequences:
    """Reads a training and a validation file without filtering; items are 1 to the largest id.

    Args:
      train: file of the training events.
      valid: file of the validation events, which follow each user's training events.
      carve_out: whether the last tenth of each user's training events is for validation, and the validation file for
        test.

    Raises:
      ValueError: for lines in another format, or validation events with a user or item id above those of training.
    """
    logs = [_read(path) for path in (train, valid)]
    users, items, _ = logs[0].max(axis=0)
    for name, column, known in (("user", 0, users), ("item", 1, items)):
        if (largest := logs[1][:, column].max()) > known:
            raise ValueError(f"{valid}: expected {name}s of training, 1 to {known}, found {largest}")
    split = np.repeat([Split.TRAIN, Split.TEST if carve_out else Split.VALID], [len(log) for log in logs])
    user, item, timestamp = np.concatenate(logs).T
    # Events of one time are in the order of their items, as in the authors' program.
    order = np.lexsort((item, timestamp, split, user))
    user, split = user[order], split[order].astype(np.uint8)
    if carve_out:
        split[_last_tenth(user, split == Split.TRAIN)] = Split.VALID
    return EventSequences(
        user_splits=np.concatenate([[0], np.cumsum(np.bincount(user, minlength=users + 1))]).astype(np.int64),
        item=item[order].astype(np.int32),
        timestamp=timestamp[order],
        split=split,
        user_ids=np.arange(1, users + 1).astype(str).astype(object),
        item_ids=np.arange(1, items + 1).astype(str).astype(object),
    )


def _read(path: str | Path) -> npt.NDArray[np.int64]:
    """Reads user, item and time of each line: int64[N, 3]."""
    rows = np.loadtxt(path, dtype=np.int64, ndmin=2) if Path(path).stat().st_size else np.zeros((0, 3), np.int64)
    if not len(rows) or rows.shape[1] != 3 or rows[:, :2].min() < 1:
        raise ValueError(f"{path}: expected lines 'user item t' with ids from 1, found {_described(rows)}")
    return rows


def _described(rows: npt.NDArray[np.int64]) -> str:
    if not len(rows):
        return "none"
    return f"{rows.shape[1]} columns" if rows.shape[1] != 3 else f"id {rows[:, :2].min()}"


def _last_tenth(user: npt.NDArray[np.int64], eligible: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Returns positions of the last tenth of each user's eligible events (at least one, not all), which come first."""
    at = np.flatnonzero(eligible)
    count = np.bincount(user[at])
    number = np.clip(np.floor(CARVED_OUT * count + 0.5), 1, np.maximum(count - 1, 0))
    end = np.cumsum(count)
    return at[end[user[at]] - np.arange(len(at)) <= number[user[at]]]
