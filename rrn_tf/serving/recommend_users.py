"""Recommends items to many users at once with a saved model of ratings or of events."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.features import Side
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_rrn import SavedRRN


class Recommended(NamedTuple):
    """Recommended items of N users, best first.

    Attributes:
      item: object[N, k], ids of the items.
      value: float64[N, k], predicted ratings, or probabilities of next items; -inf or 0 if no item is left.
      known: bool[N], whether the model has ratings or events of the user.
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
    """Recommends the best items to users, each at a time.

    Args:
      saved: the saved model.
      user_id: object[N], ids of the users.
      timestamp: int64[N], unix seconds.
      timed: bool[N], whether to use `timestamp`; otherwise the time is that of the model's last ratings, or of the
        user's last event.
      k: number of items.
      new_only: whether a model of events leaves out all items of the user's events; one of ratings always does.

    Raises:
      ValueError: for timestamps with a model of events that uses their order only.
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
    """Returns the positions of False flags and those of True flags, without empty arrays."""
    return [rows for rows in (np.flatnonzero(~flags), np.flatnonzero(flags)) if len(rows)]
