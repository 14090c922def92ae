"""Loads a saved Collaborative RNN in Python: next items, and the network with the states of some users."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from rrn_tf.columns import check_lengths, text_ids, unix_seconds
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
from rrn_tf.serving.saved_files import NEXT_ITEMS, loaded_module
from rrn_tf.serving.saved_rrn import for_everybody, texts
from rrn_tf.states.event_snapshot import HeldOutEvents
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

    Ids are text or whole numbers; times are unix seconds, ISO dates, datetime64 or Timestamps, in UTC if they have no
    time zone (see `rrn_tf.columns`). Other types raise a TypeError.

    Args:
      model: a path (see `rrn_tf.serving.saved_files.find_saved_model`), or the module that TensorFlow loaded from it.

    Example:
      >>> model = SavedCollaborativeRNN("runs/b")
      >>> len(model.next_items("42", ["7", "9"], k=5))
      5
    """

    def __init__(self, model: str | Path | Any) -> None:
        self._module = loaded_module(model, NEXT_ITEMS)

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

    def known(self, user_id: str | int) -> bool:
        """Returns whether the model was trained on events of a user."""
        return str(text_ids([user_id], USER_ID, empty=True)[0]) in set(self.user_ids)

    def last_times(self, user_id: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Returns the unix seconds of the last stored event of each of N users: int64[N], 0 without one."""
        users = text_ids(user_id, USER_ID, empty=True)
        rows = pd.Categorical(users, categories=self.user_ids).codes.astype(np.int64) + 1
        past = getattr(self._module, "past", None)
        if past is None:
            return np.zeros(len(rows), np.int64)
        splits, times = past.splits.numpy(), past.time.numpy()
        some = splits[rows + 1] > splits[rows]
        last = np.zeros(len(rows), np.int64)
        last[some] = times[splits[rows + 1][some] - 1]
        return last

    def next_items(
        self,
        user_id: str | int,
        history: Sequence[str | int],
        k: int,
        *,
        history_timestamp: Sequence[Any] | None = None,
        timestamp: Any = None,
        exclude: Iterable[str | int] = (),
        new_only: bool = False,
    ) -> list[tuple[str, float]]:
        """Returns the `k` most probable next items of a user, with their log-probabilities.

        Args:
          user_id: id of the user.
          history: items of the user's events after those that the model stores, in order.
          k: number of items.
          history_timestamp, timestamp: times of the history's events and of the next event, both or neither. By default
            all of them are at the time of the user's last stored event.
          exclude: items to leave out; the probabilities of the others then add up to one.
          new_only: whether to leave out all items of the user's events.

        Raises:
          TypeError: for ids or times of other types.
          ValueError: if only one kind of times is given, lengths differ, or the model uses the order of events only.
        """
        met = text_ids(history, HISTORY, empty=True)
        times = met if history_timestamp is None else unix_seconds(history_timestamp, HISTORY_TIMESTAMP)
        if (timestamp is None) != (history_timestamp is None) or len(times) != len(met):
            raise ValueError("expected timestamp, and history_timestamp for each event of the history")
        names, found = self.next_items_of(
            [user_id],
            k,
            None if timestamp is None else [timestamp],
            history=met[np.newaxis],
            history_timestamp=None if history_timestamp is None else times[np.newaxis],
            exclude=exclude,
            new_only=new_only,
        )
        return [(str(name), float(value)) for name, value in zip(names[0], found[0], strict=True) if name]

    def next_items_of(
        self,
        user_id: npt.ArrayLike,
        k: int,
        timestamp: npt.ArrayLike | None = None,
        *,
        history: npt.ArrayLike | None = None,
        history_timestamp: npt.ArrayLike | None = None,
        exclude: Iterable[str | int] = (),
        candidates: Sequence[str] | None = None,
        new_only: bool = False,
    ) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.float32]]:
        """As `next_items`, for many users: object[N, k] and float32[N, k], in descending order.

        If fewer than `k` items are left, the tail has empty ids and -inf.

        Args:
          user_id: N ids of users.
          k: number of items.
          timestamp: N times of the next events, or None.
          history: [N, T], items of the events after those that the model stores, by default none; empty ids pad rows.
          history_timestamp: [N, T], times of the history; by default that of the last stored event.
          exclude: items to leave out.
          candidates: the only items to return, which then have the probabilities among these; all by default.
          new_only: whether to leave out all items of the users' events.

        Raises:
          TypeError: for ids or times of other types.
          ValueError: for timestamps with a model that uses the order of events only.
        """
        if timestamp is not None and not self.is_mixture:
            raise ValueError("expected no timestamps, found some: this model uses the order of events only")
        users = text_ids(user_id, USER_ID, empty=True)
        past = (
            np.empty((len(users), 0), object)
            if history is None
            else _each(history, partial(text_ids, empty=True), HISTORY)
        )
        check_lengths(**{USER_ID: users, HISTORY: past})
        without = text_ids(exclude, EXCLUDE, empty=True)
        request = {
            USER_ID: tf.constant(users, tf.string),
            HISTORY: tf.constant(past, tf.string, past.shape),
            "k": tf.constant(min(max(k, 0), tf.int32.max) if candidates is None else tf.int32.max, tf.int32),
        }
        signature = "next_items"
        if timestamp is not None or len(without) or new_only:
            signature = "next_items_at"
            times = np.empty((0, 0), np.int64)
            if history_timestamp is not None:
                times = _each(history_timestamp, unix_seconds, HISTORY_TIMESTAMP)
                if times.shape != past.shape:
                    raise ValueError(
                        f"expected a {HISTORY_TIMESTAMP} for each {HISTORY}, found {times.size} and {past.size}"
                    )
            now = users[:0] if timestamp is None else unix_seconds(timestamp)
            if timestamp is not None:
                check_lengths(**{USER_ID: users, TIMESTAMP: now})
            request |= {
                HISTORY_TIMESTAMP: tf.constant(times, tf.int64, times.shape),
                TIMESTAMP: tf.constant(now, tf.int64, now.shape),
                EXCLUDE: for_everybody(without, request[USER_ID]),
                NEW_ONLY: tf.constant(new_only),
            }
        answer = self._module.signatures[signature](**request)
        names, found = answer[ITEM_ID], answer[LOG_PROBABILITY]
        if candidates is not None:
            names, found = _best_of(names, found, candidates, k)
        return texts(names), found.numpy()

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

    def held_out_events(self) -> HeldOutEvents:
        """Returns the items of users' validation and test events; models of earlier versions have none."""
        past = getattr(self._module, "past", None)
        if past is None or not hasattr(past, "held_out_splits"):
            return HeldOutEvents(np.zeros(len(self.user_ids) + 2, np.int64), np.empty(0, np.int64))
        return HeldOutEvents(past.held_out_splits.numpy(), past.held_out_items.numpy())

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


def _each(rows: npt.ArrayLike, convert: Callable[..., npt.NDArray[Any]], name: str) -> npt.NDArray[Any]:
    """Converts values [N, T] by one of the functions of `rrn_tf.columns`.

    Raises:
      ValueError: if they are not N rows of one length, or cannot be converted.
    """
    # As objects, datetime64 would become numbers of nanoseconds.
    values = np.asarray(rows) if hasattr(rows, "__array__") else np.asarray(rows, object)
    if values.shape == (0,):
        values = values.reshape(0, 0)
    if values.ndim != 2:
        raise ValueError(f"{name}: expected rows of one length, found {values.ndim} dimensions")
    return convert(values.ravel(), name).reshape(values.shape)


def _best_of(names: tf.Tensor, found: tf.Tensor, candidates: Sequence[str], k: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the best `k` candidates among all items string[N, items], with log-probabilities among candidates."""
    wanted = tf.constant([*candidates, ""], tf.string)  # a table must not be empty
    marks = tf.lookup.KeyValueTensorInitializer(wanted, tf.ones_like(wanted, tf.int32))
    kept = (tf.lookup.StaticHashTable(marks, 0).lookup(names) > 0) & (names != "")
    found = tf.where(kept, found, -np.inf)
    total = tf.maximum(tf.reduce_logsumexp(found, axis=1, keepdims=True), found.dtype.min)
    found, place = tf.math.top_k(found - total, min(max(k, 0), len(candidates), found.shape[1]))
    return tf.where(found > -np.inf, tf.gather(names, place, batch_dims=1), ""), found


def _text(ids: tf.Variable) -> npt.NDArray[np.object_]:
    return texts(ids[1:])
