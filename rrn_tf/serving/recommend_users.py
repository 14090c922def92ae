"""What a saved model, of ratings or of events, recommends to many users at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.features import Side
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_rrn import SavedRRN


class Recommended(NamedTuple):
    """Items of N users, best first.

    Attributes:
      item: object[N, k], ids.
      value: float64[N, k], scores of ratings, or probabilities of next items; -inf where no item is left.
      known: bool[N], whether the model has seen the user.
    """

    item: npt.NDArray[np.object_]
    value: npt.NDArray[np.float64]
    known: npt.NDArray[np.bool_]


def recommend_users(
    saved: SavedRRN | SavedCollaborativeRNN,
    user_id: npt.NDArray[np.object_],
    timestamp: npt.NDArray[np.int64],
    timed: npt.NDArray[np.bool_],
    k: int,
    *,
    new_only: bool = False,
) -> Recommended:
    """The best items of users, each as of a time.

    Args:
      saved: answers.
      user_id: object[N].
      timestamp: int64[N], unix seconds.
      timed: bool[N]; False where the time is that of the last ratings, or of the user's last event, and `timestamp`
        says nothing.
      k: how many items.
      new_only: of a model of events: without all items of the user's events; one of ratings never has those rated.

    Raises:
      ValueError: for times asked of a model of events that knows order alone.
    """
    if not len(user_id):
        return Recommended(np.empty((0, 0), object), np.empty((0, 0)), np.empty(0, bool))
    if isinstance(saved, SavedRRN):
        item, value = saved.recommend_many(user_id, np.where(timed, timestamp, saved.until), k)
        return Recommended(item, value.astype(np.float64), saved.known(Side.USER, user_id))
    parts = [(rows, timestamp[rows] if timed[rows].all() else None) for rows in _both(timed)]
    answers = [saved.next_items_of(user_id[rows], k, times, new_only=new_only) for rows, times in parts]
    order = np.argsort(np.concatenate([rows for rows, _ in parts]))
    item, found = (np.concatenate(of)[order] for of in zip(*answers, strict=True))
    return Recommended(item, np.exp(found.astype(np.float64)), pd.Series(user_id).isin(saved.user_ids).to_numpy())


def _both(flags: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.intp]]:
    """Where flags are down and where they are up, but for what there is nothing of."""
    return [rows for rows in (np.flatnonzero(~flags), np.flatnonzero(flags)) if len(rows)]
