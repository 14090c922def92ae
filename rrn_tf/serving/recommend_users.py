"""Recommends items to many users at once with a saved model of ratings or of events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.later_events import NamedEvents, among, number
from rrn_tf.features import CANDIDATES, EXCLUDE, HISTORY_TIMESTAMP, NEW_ONLY, TIMESTAMP, Side
from rrn_tf.serving.histories import Histories
from rrn_tf.serving.requests import LARGEST_ANSWER
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.times import utc_text

_USERS = 2_048  # of one request, at most


class Recommended(NamedTuple):
    """Recommended items of N users, best first; the width is `k`, or less if there are fewer items.

    Attributes:
      item: object[N, k], ids of the items; empty if no item is left.
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
    histories: Histories | None = None,
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
      histories: ratings or events of some of the users (`usable_histories`). Ratings are the user's whole history, in
        place of what the model has stored (see `rrn_tf.serving.recommend_history`); events follow the stored ones.

    Raises:
      ValueError: for timestamps with a model of events that uses their order only.
    """
    given = np.zeros(len(user_id), bool) if histories is None else histories.have(user_id)
    options: dict[str, Any] = {EXCLUDE: exclude, CANDIDATES: candidates}
    if isinstance(saved, SavedRRN):
        stored = np.flatnonzero(~given)
        times = np.where(timed, timestamp, saved.until)
        parts = [(stored, *saved.recommend_many(user_id[stored], times[stored], k, **options))] if len(stored) else []
        if histories is not None and given.any():
            rows = np.flatnonzero(given)
            ranked = saved.from_histories.recommend(
                user_id[rows], timestamp[rows], timed[rows], k, histories, **options
            )
            parts.append((rows, *ranked))
        item, score = _placed(parts, len(user_id))
        return Recommended(item, score, saved.known(Side.USER, user_id))
    options[NEW_ONLY] = new_only
    parts = [
        (rows, *saved.next_items_of(user_id[rows], k, timestamp[rows] if with_times else None, **options))
        for with_times in (False, True)
        if len(rows := np.flatnonzero(~given & (timed == with_times)))
    ]
    for of in histories.of(user_id) if histories is not None else ():
        asked = timed[of.user]
        times = np.where(asked, timestamp[of.user], of.timestamp[:, -1])
        of_times: dict[str, Any] = (
            {TIMESTAMP: times, HISTORY_TIMESTAMP: of.timestamp} if saved.is_mixture or asked.any() else {}
        )
        parts.append((of.user, *saved.next_items_of(user_id[of.user], k, history=of.item_id, **of_times, **options)))
    item, found = _placed(parts, len(user_id))
    return Recommended(
        item, np.where(item == "", -np.inf, np.exp(found)), pd.Series(user_id).isin(saved.user_ids).to_numpy()
    )


def usable_histories(saved: SavedRRN | SavedCollaborativeRNN, histories: Histories) -> Histories:
    """Returns the rows to pass on to `recommend_users`: for events, those that the model does not hold already."""
    if isinstance(saved, SavedRRN):
        return histories
    held, later = number(
        saved.training_events(), NamedEvents(histories.user_id, histories.item_id, histories.timestamp)
    )
    return histories.take(~among(held, later))


def users_of_a_request(
    saved: SavedRRN | SavedCollaborativeRNN, k: int, exclude: Sequence[str], candidates: Sequence[str] | None
) -> int:
    """Returns how many users `recommend_users` may be given at once, so that request and answer fit in memory."""
    width = max(k, len(exclude), len(candidates or ()))
    if candidates is not None and isinstance(saved, SavedCollaborativeRNN):
        width = max(width, len(saved.item_ids))  # all items are ranked before the candidates are chosen
    return users_at_a_time(width)


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


def _placed(
    parts: Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.object_], npt.NDArray[np.float32]]], users: int
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float64]]:
    """Puts the answers for some of N users in their places: object[N, width] and float64[N, width]."""
    width = max((values.shape[1] for _, _, values in parts), default=0)
    item, value = np.full((users, width), "", object), np.full((users, width), -np.inf)
    for rows, names, values in parts:
        item[rows, : values.shape[1]], value[rows, : values.shape[1]] = names, values
    return item, value
