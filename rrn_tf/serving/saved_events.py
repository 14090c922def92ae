"""Loads a saved Collaborative RNN in Python: next items, and the network with the states of some users."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from rrn_tf.data.events import EventSequences
from rrn_tf.data.shared_counts import LEFT_OUT
from rrn_tf.features import (
    EXCLUDE,
    HISTORY,
    HISTORY_TIMESTAMP,
    ITEM_ID,
    LOG_PROBABILITY,
    NEW_ONLY,
    TIMESTAMP,
    USER_ID,
    Split,
)
from rrn_tf.layers.collaborative import PERSONAL, SHARED
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.serving.saved_rrn import for_everybody, loaded_module, texts
from rrn_tf.states.event_states import EventNetwork


class LoadedUsers(NamedTuple):
    """A network with some of the users.

    Attributes:
      model: the network; its user k + 1 is the k-th requested user.
      states: float32[users + 1, units], hidden states after training.
      known: bool[users], whether each user has training events; others have the mean of all users' matrices.
    """

    model: CollaborativeRNN
    states: npt.NDArray[np.float32]
    known: npt.NDArray[np.bool_]


class SavedCollaborativeRNN:
    """A saved Collaborative RNN.

    Args:
      model: a path (see `rrn_tf.serving.saved_rrn.find_saved_model`), or the module that TensorFlow loaded from it.

    Example:
      >>> model = SavedCollaborativeRNN("runs/b")
      >>> len(model.next_items("42", ["7", "9"], k=5))
      5
    """

    def __init__(self, model: str | Path | Any) -> None:
        self._module = loaded_module(model)

    @property
    def is_mixture(self) -> bool:
        """Whether the network is part of a mixture with past items and counts of other users' events."""
        return str(self._about.get("kind")) == CollaborativeMixture.__name__

    @property
    def _about(self) -> dict[str, Any]:
        return dict(json.loads(self._module.about.numpy()))

    @property
    def _settings(self) -> dict[str, Any]:
        """Settings of the network by their current names."""
        settings = dict(self._about["model"])
        for old, of_all in (("pooled", True), ("personal", False)):
            if old in settings:
                settings["matrices"] = SHARED if settings.pop(old) == of_all else PERSONAL
        return settings

    @property
    def item_ids(self) -> npt.NDArray[np.object_]:
        """Ids of the trained items, in order of their indices (from 1)."""
        return _text(self._module.item_ids)

    @property
    def states(self) -> npt.NDArray[np.float32]:
        """Hidden state of each user, float32[users + 1, units]; row 0 is that of unknown users."""
        return self._module.states.numpy()

    @property
    def user_ids(self) -> npt.NDArray[np.object_]:
        """Ids of the trained users, in order of their indices (from 1)."""
        return _text(self._module.user_ids)

    def known(self, user_id: str) -> bool:
        """Returns whether the model was trained on events of a user."""
        return user_id in set(self.user_ids)

    def next_items(
        self,
        user_id: str,
        history: Sequence[str],
        k: int,
        *,
        history_timestamp: Sequence[int] | None = None,
        timestamp: int | None = None,
        exclude: Sequence[str] = (),
        new_only: bool = False,
    ) -> list[tuple[str, float]]:
        """Returns the `k` most probable next items of a user, with their log-probabilities.

        Args:
          user_id: id of the user.
          history: items of the user's events after those that the model stores, in order.
          k: number of items.
          history_timestamp, timestamp: unix seconds of the history's events and of the next event, both or neither. By
            default all of them are at the time of the user's last stored event.
          exclude: items to leave out; the probabilities of the others then add up to one.
          new_only: whether to leave out all items of the user's events.

        Raises:
          ValueError: if only one kind of times is given, lengths differ, or the model uses the order of events only.
        """
        if (timestamp is None) != (history_timestamp is None) or len(history_timestamp or history) != len(history):
            raise ValueError("expected timestamp, and history_timestamp for each event of the history")
        names, found = self.next_items_of(
            np.array([user_id], object),
            k,
            None if timestamp is None else np.array([timestamp], np.int64),
            history=np.array([list(history)], object),
            history_timestamp=None if history_timestamp is None else np.array([list(history_timestamp)], np.int64),
            exclude=exclude,
            new_only=new_only,
        )
        return [(str(name), float(value)) for name, value in zip(names[0], found[0], strict=True) if name]

    def next_items_of(
        self,
        user_id: npt.NDArray[np.object_],
        k: int,
        timestamp: npt.NDArray[np.int64] | None = None,
        *,
        history: npt.NDArray[np.object_] | None = None,
        history_timestamp: npt.NDArray[np.int64] | None = None,
        exclude: Sequence[str] = (),
        new_only: bool = False,
    ) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float32]]:
        """As `next_items`, for many users: object[N, k] and float32[N, k], in descending order.

        If fewer than `k` items are left, the tail has empty ids and -inf.

        Args:
          user_id: object[N], ids of the users.
          k: number of items.
          timestamp: int64[N], unix seconds of the next events, or None.
          history: object[N, T], items of the events after those that the model stores; none by default.
          history_timestamp: int64[N, T], unix seconds of the history; by default that of the last stored event.
          exclude: items to leave out.
          new_only: whether to leave out all items of the users' events.

        Raises:
          ValueError: for timestamps with a model that uses the order of events only.
        """
        if timestamp is not None and not self.is_mixture:
            raise ValueError("expected no timestamps, found some: this model uses the order of events only")
        past = np.empty((len(user_id), 0), object) if history is None else history
        request = {
            USER_ID: tf.constant(user_id, tf.string),
            HISTORY: tf.constant(past, tf.string, past.shape),
            "k": tf.constant(k, tf.int32),
        }
        signature = "next_items"
        if timestamp is not None or len(exclude) or new_only:
            signature = "next_items_at"
            times = np.empty((0, 0), np.int64) if history_timestamp is None else history_timestamp
            request |= {
                HISTORY_TIMESTAMP: tf.constant(times, tf.int64),
                TIMESTAMP: tf.constant([] if timestamp is None else timestamp, tf.int64),
                EXCLUDE: for_everybody(exclude, request[USER_ID]),
                NEW_ONLY: tf.constant(new_only),
            }
        answer = self._module.signatures[signature](**request)
        return texts(answer[ITEM_ID]), answer[LOG_PROBABILITY].numpy()

    def training_events(self) -> EventSequences:
        """Returns all events that the model stores, as training events, with its users and items.

        They are those of training and of updates. A network without a mixture that an earlier version saved has none.
        """
        user_ids, past = self.user_ids, getattr(self._module, "past", None)
        splits = past.splits.numpy() if past else np.zeros(len(user_ids) + 2, np.int64)
        return EventSequences(
            user_splits=splits,
            item=past.item.numpy() if past else np.empty(0, np.int32),
            timestamp=past.time.numpy() if past else np.empty(0, np.int64),
            split=np.full(int(splits[-1]), Split.TRAIN, np.uint8),
            user_ids=user_ids,
            item_ids=self.item_ids,
        )

    def load_network(self, new_users: int = 0, new_items: int = 0) -> EventNetwork:
        """Loads the network with all users and items that it knows and, at higher indices, some new ones.

        New users have the parameters of the unknown user. Only a mixture can have new items: their embeddings are zero
        and the network gives them no probability, but past events and counts of other users' events do.
        """
        if self.is_mixture:
            return self._load_mixture(new_users, new_items)
        known = _text(self._module.user_ids)
        return self.load_users(np.concatenate([known, np.full(new_users, "", object)])).model

    def _load_mixture(self, new_users: int, new_items: int) -> CollaborativeMixture:
        settings, module = self._settings, self._module
        if not hasattr(module.counts, "meeting"):
            raise ValueError(
                "expected a mixture with counts of first meetings, found one of an earlier version: train it anew"
            )
        sizes = {"num_users": settings["num_users"] + new_users, "num_items": settings["num_items"] + new_items}
        model = CollaborativeMixture(**{**settings, **sizes})
        of_users = [model.stationary.table, *model.cell.personal]
        of_items = list(zip(model.of_items, (0.0, 0.0, LEFT_OUT), strict=True))
        for mine, saved in zip(model.variables, module.weights, strict=True):
            whole = saved.numpy()
            if any(mine is table for table in of_users):
                whole = np.concatenate([whole, np.repeat(whole[:1], new_users, axis=0)])
            for table, value in of_items:
                if mine is table:
                    whole = np.pad(whole, [(0, new_items), (0, 0)], constant_values=value)
            mine.assign(whole)
        return model

    def load_users(self, ids: npt.NDArray[np.object_]) -> LoadedUsers:
        """Loads the network of a Collaborative RNN without a mixture, and the states of given users, known or not.

        Args:
          ids: object[users], distinct ids.
        """
        module = self._module
        settings = self._settings
        row = pd.Categorical(ids, categories=_text(module.user_ids)).codes.astype(np.int64) + 1
        # Row 0 of the saved tables is that of the unknown user; here it is padding.
        rows = np.concatenate([[0], row])
        model = CollaborativeRNN(**{**settings, "num_users": len(ids)})
        for mine, saved in zip(model.cell.recurrent, module.recurrent, strict=True):
            mine.assign(tf.gather(saved, rows) if model.cell.personal else saved)
        for mine, saved in zip(model.cell.embedding, module.embedding, strict=True):
            mine.assign(saved)
        model.softmax.kernel.assign(module.kernel)
        known = (rows > 0)[:, np.newaxis].astype(np.float32)
        model.stationary.table.assign(known * tf.gather(module.factors, rows))
        return LoadedUsers(model, tf.gather(module.states, rows).numpy(), row > 0)


def _text(ids: tf.Variable) -> npt.NDArray[np.object_]:
    return texts(ids[1:])
