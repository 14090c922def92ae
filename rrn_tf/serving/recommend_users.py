"""Recommends items to many users at once with a saved model of ratings or of events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.features import Side
from rrn_tf.serving.requests import LARGEST_ANSWER
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.times import utc_text

_USERS = 2_048  # of one request, at most


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
    exclude: Sequence[str] = (),
    candidates: Sequence[str] | None = None,
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
      exclude: items to leave out for all users.
      candidates: the only items to recommend; all by default. Probabilities are then those among these.
      new_only: whether a model of events leaves out all items of the user's events; one of ratings always does.

    Raises:
      ValueError: for timestamps with a model of events that uses their order only.
    """
    if not len(user_id):
        return Recommended(np.empty((0, 0), object), np.empty((0, 0)), np.empty(0, bool))
    if isinstance(saved, SavedRRN):
        times = np.where(timed, timestamp, saved.until)
        item, score = saved.recommend_many(user_id, times, k, exclude=exclude, candidates=candidates)
        return Recommended(item, score.astype(np.float64), saved.known(Side.USER, user_id))
    parts = [(rows, timestamp[rows] if timed[rows].all() else None) for rows in _both(timed)]
    width = k if candidates is None else max(len(saved.item_ids), 1)
    answers = [
        saved.next_items_of(user_id[rows], width, times, exclude=exclude, new_only=new_only) for rows, times in parts
    ]
    order = np.argsort(np.concatenate([rows for rows, _ in parts]))
    item, found = (np.concatenate(of)[order] for of in zip(*answers, strict=True))
    value: npt.NDArray[np.float64] = np.exp(found.astype(np.float64))
    if candidates is not None:
        item, value = _best_of(item, value, candidates, k)
    return Recommended(item, np.where(item == "", -np.inf, value), pd.Series(user_id).isin(saved.user_ids).to_numpy())


def before_last(
    saved: SavedRRN | SavedCollaborativeRNN,
    user_id: npt.NDArray[np.object_],
    timestamp: npt.NDArray[np.int64],
    timed: npt.NDArray[np.bool_],
) -> int:
    """Counts the times before what the model has seen, which are answered as of then.

    Args:
      saved, user_id, timestamp, timed: as in `recommend_users`.

    Returns:
      The number of times before the last rating that a model of ratings has seen, or before the user's last event.
    """
    last = saved.until if isinstance(saved, SavedRRN) else saved.last_times(user_id)
    return int((timed & (timestamp < last)).sum())


def line_of_early(saved: SavedRRN | SavedCollaborativeRNN, early: int) -> list[str]:
    """Returns a line about `early` times that `before_last` counted; empty without any."""
    if not early:
        return []
    users = f" ({early:,} users)" if early > 1 else ""
    if isinstance(saved, SavedRRN):
        then = utc_text(saved.until)
        return [f"the time asked for lies before the last rating that the model has seen: answered as of {then}{users}"]
    return [f"the time asked for lies before the user's last event: answered as of then{users}"]


def users_at_a_time(width: int) -> int:
    """How many users one request may have, with so many items each in it or in its answer."""
    return max(min(_USERS, LARGEST_ANSWER // max(width, 1)), 1)


def _best_of(
    item: npt.NDArray[np.object_], probability: npt.NDArray[np.float64], candidates: Sequence[str], k: int
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float64]]:
    """The first `k` candidates among all items object[N, items], and their probabilities among candidates."""
    kept = pd.Series(item.ravel()).isin(candidates).to_numpy().reshape(item.shape) & (item != "")
    total = np.sum(probability, axis=1, where=kept, keepdims=True)
    order = np.argsort(~kept, axis=1, kind="stable")[:, :k]
    item, probability, kept = (np.take_along_axis(of, order, axis=1) for of in (item, probability, kept))
    return np.where(kept, item, ""), probability / np.maximum(total, np.finfo(np.float64).tiny)


def _both(flags: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.intp]]:
    """Returns the positions of False flags and those of True flags, without empty arrays."""
    return [rows for rows in (np.flatnonzero(~flags), np.flatnonzero(flags)) if len(rows)]
