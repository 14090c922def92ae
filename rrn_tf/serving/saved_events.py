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
from rrn_tf.features import HISTORY, HISTORY_TIMESTAMP, ITEM_ID, LOG_PROBABILITY, TIMESTAMP, USER_ID, Split
from rrn_tf.layers.collaborative import PERSONAL, SHARED
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.serving.saved_rrn import loaded_module


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
    def _settings(self) -> dict[str, Any]:
        """Of the network, by their present names."""
        settings = dict(self._about["model"])
        for old, of_all in (("pooled", True), ("personal", False)):
            if old in settings:
                settings["matrices"] = SHARED if settings.pop(old) == of_all else PERSONAL
        return settings

    @property
    def item_ids(self) -> npt.NDArray[np.object_]:
        """Ids of the trained items, in order of their indices (from 1)."""
        return _text(self._module.item_ids)

    def known(self, user_id: str) -> bool:
        """Whether the model was trained on events of a user."""
        return user_id in set(_text(self._module.user_ids))

    def next_items(
        self,
        user_id: str,
        history: Sequence[str],
        k: int,
        *,
        history_timestamp: Sequence[int] | None = None,
        timestamp: int | None = None,
    ) -> list[tuple[str, float]]:
        """The `k` most probable next items of a user after the events since training, with their log-probabilities.

        Args:
          user_id: the user.
          history: items of the events since training, in order.
          k: how many items.
          history_timestamp, timestamp: unix seconds of those events and of the next one: both or none. Without, it is
            as if all were at the time of the user's last training event.

        Raises:
          ValueError: for one without the other, for other lengths, or times for a model that knows order alone.
        """
        request = {
            USER_ID: tf.constant([user_id]),
            HISTORY: tf.constant([list(history)], tf.string, [1, len(history)]),
            "k": tf.constant(k, tf.int32),
        }
        signature = "next_items"
        if timestamp is not None or history_timestamp is not None:
            if timestamp is None or history_timestamp is None or len(history_timestamp) != len(history):
                raise ValueError("expected timestamp, and history_timestamp for each event of the history")
            if not self.is_mixture:
                raise ValueError("expected no timestamps: this model knows the order of events alone")
            signature = "next_items_at"
            request[HISTORY_TIMESTAMP] = tf.constant([list(history_timestamp)], tf.int64, [1, len(history)])
            request[TIMESTAMP] = tf.constant([timestamp], tf.int64)
        answer = self._module.signatures[signature](**request)
        names, found = answer[ITEM_ID].numpy()[0], answer[LOG_PROBABILITY].numpy()[0]
        return [(name.decode(), float(value)) for name, value in zip(names, found, strict=True)]

    def training_events(self) -> EventSequences:
        """All events that a mixture was trained on, with the users and items that it knows."""
        past = self._module.past
        splits = past.splits.numpy()
        return EventSequences(
            user_splits=splits,
            item=past.item.numpy(),
            timestamp=past.time.numpy(),
            split=np.full(int(splits[-1]), Split.TRAIN, np.uint8),
            user_ids=_text(self._module.user_ids),
            item_ids=self.item_ids,
        )

    def load_mixture(self, new_users: int = 0) -> CollaborativeMixture:
        """The network of a mixture, of all users that it knows and, above these, some that it does not know."""
        settings, module = self._settings, self._module
        model = CollaborativeMixture(**{**settings, "num_users": settings["num_users"] + new_users})
        of_users = [model.stationary.table, *model.cell.personal]
        for mine, saved in zip(model.variables, module.weights, strict=True):
            whole = saved.numpy()
            if any(mine is table for table in of_users):
                whole = np.concatenate([whole, np.repeat(whole[:1], new_users, axis=0)])
            mine.assign(whole)
        return model

    def load_users(self, ids: npt.NDArray[np.object_]) -> LoadedUsers:
        """The network of a Collaborative RNN that is no mixture, and the states of the given users, known or not.

        Args:
          ids: object[users], all different.
        """
        module = self._module
        settings = self._settings
        row = pd.Categorical(ids, categories=_text(module.user_ids)).codes.astype(np.int64) + 1
        # Row 0 of the saved tables is that of whoever is unknown; here it stands for padding.
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
    return np.array([name.decode() for name in ids.numpy()[1:]], dtype=object)
