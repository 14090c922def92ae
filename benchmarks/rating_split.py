"""Splits ratings by time in the same way as other libraries' models (the peers), and predicts them with RRN."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.interactions import Interactions
from rrn_tf.features import COLUMNS, ITEM_ID, RATING, SPLIT, TIMESTAMP, USER_ID, Split
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.streaming import predict_streaming

PARTS = (Split.TRAIN, Split.VALID, Split.TEST)
STREAM = "[stream] "  # the peers' prefix for names of streaming models


class PeerSplit(NamedTuple):
    """The peers' ratings: for each split a frame of `COLUMNS` in their order, with ids as text."""

    frames: dict[Split, pd.DataFrame]

    @property
    def later(self) -> pd.DataFrame:
        """Validation ratings, then test ratings."""
        return pd.concat([self.frames[Split.VALID], self.frames[Split.TEST]], ignore_index=True)

    @property
    def rating_range(self) -> tuple[float, float]:
        """Smallest and largest training or validation rating, the range that the peers clip to."""
        seen = pd.concat([self.frames[Split.TRAIN], self.frames[Split.VALID]])[RATING]
        return float(seen.min()), float(seen.max())


def read_split(path: Path) -> PeerSplit:
    """Reads an ``.npz`` of the peers.

    Raises:
      ValueError: if a split is missing or is no table of four columns.
    """
    frames = {}
    with np.load(path) as parts:
        for split in PARTS:
            rows = parts.get(split.label, np.empty(0))
            if rows.ndim != 2 or rows.shape[1] != len(COLUMNS):
                raise ValueError(f"{path}: {split.label} should have shape [N, {len(COLUMNS)}], found {rows.shape}")
            frame = pd.DataFrame(rows, columns=list(COLUMNS))
            whole = dict.fromkeys((USER_ID, ITEM_ID, TIMESTAMP), np.int64)
            frames[split] = frame.astype(whole).astype({USER_ID: str, ITEM_ID: str})
    return PeerSplit(frames)


def predictions(saved: SavedRRN, later: pd.DataFrame) -> dict[str, npt.NDArray[np.float32]]:
    """Predicts ratings float32[N], by the peers' prefix of names: frozen, then streaming."""
    queries = {name: later[name].to_numpy() for name in (USER_ID, ITEM_ID, TIMESTAMP)}
    return {"": saved.predict(**queries), STREAM: predict_streaming(saved, **queries, rating=later[RATING])}


class TimeSplit:
    """Ratings split by time; those of unseen users or items, which the peers leave out, have splits of their own.

    Attributes:
      train: a frame of `COLUMNS` in order of time, with ids as they were read.
      later: all later ratings in the same form, with their `Split` code in a column `split`.
    """

    def __init__(self, train: pd.DataFrame, later: pd.DataFrame) -> None:
        self.train, self.later = train, later

    def row_indices(self, *splits: Split) -> npt.NDArray[np.int64]:
        """Returns positions among the later ratings, in order of the splits, then of time."""
        code = self.later[SPLIT].to_numpy()
        return np.concatenate([np.flatnonzero(code == split) for split in splits])

    @property
    def rating_range(self) -> tuple[float, float]:
        """Smallest and largest training or validation rating of the peers' ratings."""
        valid = self.later[RATING].to_numpy()[self.row_indices(Split.VALID)]
        seen = np.concatenate([self.train[RATING].to_numpy(), valid])
        return float(seen.min()), float(seen.max())

    @property
    def queries(self) -> pd.DataFrame:
        """The later ratings with ids as text, for RRN."""
        return self.later.astype({USER_ID: str, ITEM_ID: str})

    def peer_rows(self, split: Split) -> npt.NDArray[np.float64]:
        """Builds the peers' table of one of `PARTS`, float64[N, 4]; ids are positions in the sorted training ids."""
        frame = self.train if split is Split.TRAIN else self.later.iloc[self.row_indices(split)]
        ids = (_positions(frame[name], self._trained[name]) for name in (USER_ID, ITEM_ID))
        return np.stack([*ids, frame[RATING], frame[TIMESTAMP]], axis=1).astype(np.float64)

    def interactions(self, *, unseen: bool) -> tuple[Interactions, Interactions]:
        """Returns training and later ratings with entity indices.

        Args:
          unseen: whether entities without training ratings have indices, after the trained ones; otherwise they are 0.
        """
        ids = dict(self._trained)
        if unseen:
            for name, trained in self._trained.items():
                ids[name] = np.concatenate([trained, np.setdiff1d(self.later[name], trained)])

        def table(frame: pd.DataFrame) -> Interactions:
            user, item = (_positions(frame[name], ids[name]) + 1 for name in (USER_ID, ITEM_ID))
            rating, times = frame[RATING].to_numpy(np.float32), frame[TIMESTAMP].to_numpy(np.int64)
            return Interactions(user, item, rating, times, len(ids[USER_ID]), len(ids[ITEM_ID]))

        return table(self.train), table(self.later)

    @cached_property
    def _trained(self) -> dict[str, npt.NDArray]:
        return {name: np.unique(self.train[name]) for name in (USER_ID, ITEM_ID)}


def time_split(frame: pd.DataFrame, share: float = 0.8, seed: int = 0) -> TimeSplit:
    """Splits ratings as the peers do, and adds splits for the ratings that they leave out.

    Ratings are sorted by time, user and item; training ends with the last rating at the timestamp of number
    ceil(share * n). Later ratings with a user and an item of training are divided at random into validation and test;
    the others, by separate draws, into `VALID_COLD` and `TEST_COLD`.

    Args:
      frame: ratings with `COLUMNS`.
      share: fraction of the ratings for training.
      seed: seed of both draws.
    """
    frame = frame.sort_values([TIMESTAMP, USER_ID, ITEM_ID], kind="stable", ignore_index=True)
    times = frame[TIMESTAMP].to_numpy()
    end = np.searchsorted(times, times[int(np.ceil(share * len(frame))) - 1], side="right")
    train, later = frame[:end], frame[end:].reset_index(drop=True)
    known = (later[USER_ID].isin(train[USER_ID]) & later[ITEM_ID].isin(train[ITEM_ID])).to_numpy()
    warm, cold = np.flatnonzero(known), np.flatnonzero(~known)
    split = np.empty(len(later), np.uint8)
    # The draws for known users and items are the peers', so that they need the peers' generator.
    split[warm] = _halved(np.random.RandomState(seed).permutation(len(warm)), Split.VALID, Split.TEST)
    split[cold] = _halved(np.random.default_rng(seed).permutation(len(cold)), Split.VALID_COLD, Split.TEST_COLD)
    return TimeSplit(train, later.assign(**{SPLIT: split}))


def _halved(order: npt.NDArray[np.integer], first: Split, second: Split) -> npt.NDArray[np.uint8]:
    halves = np.full(len(order), second, np.uint8)
    halves[order[: len(order) // 2]] = first
    return halves


def _positions(ids: pd.Series, among: npt.NDArray) -> npt.NDArray[np.int32]:
    """Returns the position of each id among others; -1 if it is not there."""
    return pd.Categorical(ids, categories=among).codes.astype(np.int32)
