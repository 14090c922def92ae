"""A saved Collaborative RNN from Python: next items, and the network with the states of some users."""

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
from rrn_tf.evaluation.event_likelihood import EventNetwork
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
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.serving.saved_rrn import loaded_module, texts


class LoadedUsers(NamedTuple):
    """A network of some users.

    Attributes:
      model: its user k + 1 is the k-th that was asked for.
      states: float32[users + 1, units], where training left them.
      known: bool[users], which of them were trained; the others have the mean of all users' matrices.
    """

    model: CollaborativeRNN
    states: npt.NDArray[np.float32]
    known: npt.NDArray[np.bool_]


class SavedCollaborativeRNN:
    """A saved Collaborative RNN.

    Args:
      model: a path (see `rrn_tf.serving.saved_rrn.find_saved_model`), or what TensorFlow loaded from it.

    Example:
      >>> model = SavedCollaborativeRNN("runs/b")  # doctest: +SKIP
      >>> model.next_items("42", ["7", "9"], k=5)  # doctest: +SKIP
    """

    def __init__(self, model: str | Path | Any) -> None:
        self._module = loaded_module(model)

    @property
    def is_mixture(self) -> bool:
        """Whether the network stands beside past items and counts of others."""
        return str(self._about.get("kind")) == CollaborativeMixture.__name__

    @property
    def _about(self) -> dict[str, Any]:
        return dict(json.loads(self._module.about.numpy()))

    @property
    def item_ids(self) -> npt.NDArray[np.object_]:
        """Ids of the trained items, in order of their indices (from 1)."""
        return _text(self._module.item_ids)

    @property
    def user_ids(self) -> npt.NDArray[np.object_]:
        """Ids of the trained users, likewise."""
        return _text(self._module.user_ids)

    def known(self, user_id: str) -> bool:
        """Whether the model was trained on events of a user."""
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
        """The `k` most probable next items of a user after the events since training, with their log-probabilities.

        Args:
          user_id: the user.
          history: items of the events since those that the model holds, in order.
          k: how many items.
          history_timestamp, timestamp: unix seconds of those events and of the next one: both or none. Without, it is
            as if all were at the time of the user's last event that the model holds.
          exclude: items to leave out; log-probabilities are then those among the others.
          new_only: leaves out all items of the user's events.

        Raises:
          ValueError: for one without the other, for other lengths, or times for a model that knows order alone.
        """
        request = {
            USER_ID: tf.constant([user_id]),
            HISTORY: tf.constant([list(history)], tf.string, [1, len(history)]),
            "k": tf.constant(k, tf.int32),
        }
        signature, times = "next_items", timestamp is not None or history_timestamp is not None
        if times:
            if timestamp is None or history_timestamp is None or len(history_timestamp) != len(history):
                raise ValueError("expected timestamp, and history_timestamp for each event of the history")
            if not self.is_mixture:
                raise ValueError("expected no timestamps: this model knows the order of events alone")
        if times or exclude or new_only:
            signature = "next_items_at"
            of_history = [list(history_timestamp)] if history_timestamp is not None else []
            request |= {
                HISTORY_TIMESTAMP: tf.constant(of_history, tf.int64, [len(of_history), len(history)]),
                TIMESTAMP: tf.constant([] if timestamp is None else [timestamp], tf.int64),
                EXCLUDE: tf.constant([list(exclude)], tf.string, [1, len(exclude)]),
                NEW_ONLY: tf.constant(new_only),
            }
        answer = self._module.signatures[signature](**request)
        names, found = answer[ITEM_ID].numpy()[0], answer[LOG_PROBABILITY].numpy()[0]
        return [(name.decode(), float(value)) for name, value in zip(names, found, strict=True) if name]

    @property
    def states(self) -> npt.NDArray[np.float32]:
        """float32[users + 1, units], the state of each user; row 0 is that of whoever is unknown."""
        return np.array(self._module.states)

    def next_items_of(
        self, user_id: npt.NDArray[np.object_], k: int, timestamp: npt.NDArray[np.int64] | None = None
    ) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float32]]:
        """As `next_items`, of many users without events since training: object[N, k] and float32[N, k].

        Args:
          user_id: object[N].
          k: how many items.
          timestamp: int64[N] or None.

        Raises:
          ValueError: for times asked of a model that knows order alone.
        """
        nothing = [len(user_id), 0]
        request = {USER_ID: tf.constant(user_id, tf.string), HISTORY: tf.zeros(nothing, tf.string)}
        signature = "next_items"
        if timestamp is not None:
            if not self.is_mixture:
                raise ValueError("expected no timestamps: this model knows the order of events alone")
            signature = "next_items_at"
            request |= {HISTORY_TIMESTAMP: tf.zeros(nothing, tf.int64), TIMESTAMP: tf.constant(timestamp, tf.int64)}
        answer = self._module.signatures[signature](**request, k=tf.constant(k, tf.int32))
        return texts(answer[ITEM_ID]), answer[LOG_PROBABILITY].numpy()

    def training_events(self) -> EventSequences:
        """All events that the model holds, as training events, with the users and items that it knows.

        They are those that it was trained on, and those that it was updated by.

        Raises:
          ValueError: for a model that an earlier version of this package saved without them.
        """
        if (past := getattr(self._module, "past", None)) is None:
            raise ValueError("expected a model that holds its events, found one of an earlier version: train it anew")
        splits = past.splits.numpy()
        return EventSequences(
            user_splits=splits,
            item=past.item.numpy(),
            timestamp=past.time.numpy(),
            split=np.full(int(splits[-1]), Split.TRAIN, np.uint8),
            user_ids=_text(self._module.user_ids),
            item_ids=self.item_ids,
        )

    def load_network(self, new_users: int = 0, new_items: int = 0) -> EventNetwork:
        """The network, of all users and items that it knows and, above these, some that it does not know.

        New users have what whoever is unknown has. New items are of a mixture alone: they enter a state as nothing,
        and the network gives them no probability, which they have of the past and of other users.
        """
        if self.is_mixture:
            return self._load_mixture(new_users, new_items)
        known = _text(self._module.user_ids)
        return self.load_users(np.concatenate([known, np.full(new_users, "", object)])).model

    def _load_mixture(self, new_users: int, new_items: int) -> CollaborativeMixture:
        settings, module = self._about["model"], self._module
        sizes = {"num_users": settings["num_users"] + new_users, "num_items": settings["num_items"] + new_items}
        model = CollaborativeMixture(**{**settings, **sizes})
        of_users = [model.stationary.table, *(model.cell.recurrent if settings["personal"] else [])]
        of_items = [
            (model.items, [(0, new_items), (0, 0)], 0.0),
            (model.factor_kernel, [(0, 0), (0, new_items)], 0.0),
            (model.item_bias, [(0, new_items)], LEFT_OUT),
        ]
        for mine, saved in zip(model.variables, module.weights, strict=True):
            whole = saved.numpy()
            if any(mine is table for table in of_users):
                whole = np.concatenate([whole, np.repeat(whole[:1], new_users, axis=0)])
            for table, more, value in of_items:
                if mine is table:
                    whole = np.pad(whole, more, constant_values=value)
            mine.assign(whole)
        return model

    def load_users(self, ids: npt.NDArray[np.object_]) -> LoadedUsers:
        """The network of a Collaborative RNN that is no mixture, and the states of the given users, known or not.

        Args:
          ids: object[users], all different.
        """
        module = self._module
        settings = self._about["model"]
        row = pd.Categorical(ids, categories=_text(module.user_ids)).codes.astype(np.int64) + 1
        # Row 0 of the saved tables is that of whoever is unknown; here it stands for padding.
        rows = np.concatenate([[0], row])
        model = CollaborativeRNN(**{**settings, "num_users": len(ids)})
        for mine, saved in zip(model.cell.recurrent, module.recurrent, strict=True):
            mine.assign(saved if settings["pooled"] else tf.gather(saved, rows))
        for mine, saved in zip(model.cell.embedding, module.embedding, strict=True):
            mine.assign(saved)
        model.softmax.kernel.assign(module.kernel)
        known = (rows > 0)[:, np.newaxis].astype(np.float32)
        model.stationary.table.assign(known * tf.gather(module.factors, rows))
        return LoadedUsers(model, tf.gather(module.states, rows).numpy(), row > 0)


def _text(ids: tf.Variable) -> npt.NDArray[np.object_]:
    return np.array([name.decode() for name in ids.numpy()[1:]], dtype=object)
