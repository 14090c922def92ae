"""Events of a file after those that a model was trained on, which are recognised and left out of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split


class LaterEvents(NamedTuple):
    """Training events, then later ones of the same users and of new ones.

    Attributes:
      sequences: all of them; users of training keep their numbers, and later events are `TEST`, those of new users
        `TEST_COLD`.
      new: number of later events.
      seen: number of events of the file that are training events: same user, item and second.
      early: number of later events with a time before their user's last training event.
    """

    sequences: EventSequences
    new: int
    seen: int
    early: int


def later_events(
    training: EventSequences,
    user_id: pd.Series,
    item: npt.NDArray[np.int64],
    timestamp: npt.NDArray[np.int64],
) -> LaterEvents:
    """Puts events of a file behind the training events of their users, in order of time, then of the file.

    Args:
      training: training events alone, maybe none, with all users that a model knows.
      user_id: text[N].
      item: int64[N], from 1, as in `training`.
      timestamp: int64[N], unix seconds.
    """
    user = pd.Categorical(user_id, categories=training.user_ids).codes.astype(np.int64) + 1
    number, names = pd.factorize(user_id[user == 0])
    user[user == 0] = training.num_users + 1 + number
    later = pd.DataFrame({"user": user, "item": item, "time": timestamp})
    trained = pd.DataFrame({"user": training.user, "item": training.item, "time": training.timestamp}).astype(np.int64)
    seen = pd.MultiIndex.from_frame(later).isin(pd.MultiIndex.from_frame(trained))
    later = later[~seen].sort_values(["user", "time"], kind="stable")
    ids = np.concatenate([training.user_ids, names.to_numpy(object)])
    end = np.full(len(ids) + 1, np.iinfo(np.int64).min)
    np.maximum.at(end, training.user, training.timestamp)
    split = np.where(later["user"] <= training.num_users, Split.TEST, Split.TEST_COLD)
    user = np.concatenate([training.user, later["user"]])
    order = np.argsort(user, kind="stable")  # the training events of a user come first
    sequences = EventSequences(
        user_splits=np.concatenate([[0], np.cumsum(np.bincount(user, minlength=len(ids) + 1))]),
        item=np.concatenate([training.item, later["item"]])[order].astype(np.int32),
        timestamp=np.concatenate([training.timestamp, later["time"]])[order],
        split=np.concatenate([training.split, split])[order].astype(np.uint8),
        user_ids=ids,
        item_ids=training.item_ids,
    )
    early = int((later["time"].to_numpy() < end[later["user"]]).sum())
    return LaterEvents(sequences, len(later), int(seen.sum()), early)
