"""Base class of the saved models of events, with ids, hidden states and the signatures for next items."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf import features
from rrn_tf.features import (
    EXCLUDE,
    HISTORY,
    HISTORY_TIMESTAMP,
    ITEM_ID,
    LOG_PROBABILITY,
    NEW_ONLY,
    TIMESTAMP,
    USER_ID,
    Side,
)
from rrn_tf.serving.micro_batches import in_blocks
from rrn_tf.serving.past_events import HeldEvents
from rrn_tf.serving.requests import answer_width, bounded, of_rank, same_rows, same_widths
from rrn_tf.serving.state_tables import line_numbers
from rrn_tf.states.event_snapshot import EventSnapshot
from rrn_tf.version import __version__

SERVED = 10  # number of items that `serving_default` returns
_ROWS = 256  # users that are computed at once, each with recurrent matrices and a probability for every item
_NOTHING = float("-inf")  # log-probability of excluded items
Answer = dict[str, tf.Tensor]


class NextItems(tf.Module):
    """A module with ids of users and items, stored events, each user's hidden state after these, and signatures.

    Args:
      result: a trained network with its states.
      past: the stored events.
      assets: directory for the vocabulary files while the model is saved.
    """

    def __init__(self, result: EventSnapshot, past: HeldEvents, assets: Path) -> None:
        super().__init__(name="collaborative_rnn")
        self._users = line_numbers(assets / Side.USER.vocabulary_file, result.sequences.user_ids)
        self._items = line_numbers(assets / Side.ITEM.vocabulary_file, result.sequences.item_ids)
        self.user_ids, self.item_ids = (
            tf.Variable(np.array(["", *ids], dtype=object), trainable=False, dtype=tf.string, name=name)
            for ids, name in ((result.sequences.user_ids, "user_ids"), (result.sequences.item_ids, "item_ids"))
        )
        about = {"version": __version__, "kind": type(result.model).__name__, "model": dict(result.model.settings)}
        self.about = tf.Variable(json.dumps(about), trainable=False, name="about")
        self.states = tf.Variable(result.states.astype(np.float32), trainable=False, name="states")
        self.past = past

    def log_probabilities(self, user: tf.Tensor, item: tf.Tensor, time: tf.Tensor, now: tf.Tensor) -> tf.Tensor:
        """Computes the log-probability of each item as the next one: float32[N, items].

        Args:
          user: int64[N], user indices, 0 for unknown users.
          item: int64[N, T], items of their events after the stored ones, in order; 0 is ignored.
          time: int64[N, T], unix seconds of these events.
          now: int64[N], unix seconds of the next event.
        """
        raise NotImplementedError

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, USER_ID),
            tf.TensorSpec([None, None], tf.string, HISTORY),
            tf.TensorSpec([], tf.int32, "k"),
        ],
        autograph=False,
    )
    def next_items(self, user_id: tf.Tensor, history: tf.Tensor, k: tf.Tensor) -> Answer:
        """Returns the most probable next items, [N, min(k, items)], and their log-probabilities, in descending order.

        All new events and the next one are assumed at the time of the user's last stored event; `next_items_at` takes
        their times.

        Args:
          user_id: string[N], ids of the users.
          history: string[N, T], items of the user's events after the stored ones, in order; empty strings are padding.
          k: int32[], number of items.
        """
        user_id, history = same_rows(user_id=user_id, history=history)
        (history,) = same_widths(history=history)
        user, item = self._indices(user_id, history)
        now = self.past.last_time(user)

        def best(user: tf.Tensor, item: tf.Tensor, now: tf.Tensor) -> Sequence[tf.Tensor]:
            time = tf.repeat(now[:, tf.newaxis], tf.shape(item)[1], axis=1)
            return tf.math.top_k(self.log_probabilities(user, item, time, now), width)

        width = answer_width(k, tf.size(user), tf.size(self.item_ids) - 1)
        return self._answer(best, (user, item, now))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")], autograph=False)
    def next_items_of_examples(self, examples: tf.Tensor) -> Answer:
        """As `next_items` with 10 items, from serialized `tf.Example` protos."""
        parsed = tf.io.parse_example(examples, features.history_example_spec())
        return self.next_items(parsed[USER_ID], parsed[HISTORY].to_tensor(""), tf.constant(SERVED))

    def next_items_at(self) -> Callable[..., Answer]:
        """Builds the signature that takes times and items to exclude; its defaults are tensors."""

        def next_items_at(
            user_id: tf.Tensor,
            history: tf.Tensor,
            k: tf.Tensor,
            history_timestamp: tf.Tensor = tf.zeros([0, 0], tf.int64),  # noqa: B008
            timestamp: tf.Tensor = tf.zeros([0], tf.int64),  # noqa: B008
            exclude: tf.Tensor = tf.constant([], tf.string, [0, 0]),  # noqa: B008
            new_only: tf.Tensor = tf.constant(False),  # noqa: B008
        ) -> Answer:
            """As `next_items`, at given times and without excluded items.

            The probabilities of the items that are left add up to one. If fewer than `k` items are left, the tail has
            the empty id and the log-probability -inf.

            Args:
              user_id, history, k: as in `next_items`.
              history_timestamp: int64[N, T], unix seconds of the history's events; if it has no rows, they are at the
                time of the user's last stored event.
              timestamp: int64[N], unix seconds of the next event; the same default if empty.
              exclude: string[N, E], items to leave out; empty and unknown ids are ignored; may have no rows.
              new_only: bool[], whether to leave out all items of the user's events, including those of the request.
            """
            user_id, history = same_rows(user_id=user_id, history=history)
            (history,) = same_widths(history=history)
            history_timestamp, timestamp, exclude, new_only = map(
                of_rank, (history_timestamp, timestamp, exclude, new_only)
            )
            user, item = self._indices(user_id, history)
            last = self.past.last_time(user)
            now = tf.cond(tf.size(timestamp) > 0, lambda: bounded(timestamp), lambda: last)
            given = tf.shape(history_timestamp)[0] > 0
            spread = tf.repeat(last[:, tf.newaxis], tf.shape(item)[1], axis=1)
            time = tf.cond(given, lambda: bounded(history_timestamp), lambda: spread)
            none = tf.fill([tf.size(user), 0], "")
            without = tf.cond(tf.shape(exclude)[0] > 0, lambda: exclude, lambda: none)
            user, now, time, without = same_rows(user_id=user, timestamp=now, history_timestamp=time, exclude=without)
            item, time = same_widths(history=item, history_timestamp=time)
            (without,) = same_widths(exclude=without)
            without = self._item_indices(without)
            width = answer_width(k, tf.size(user), tf.size(self.item_ids) - 1)

            def best(*inputs: tf.Tensor) -> Sequence[tf.Tensor]:
                user, item, time, now, without = inputs
                met = tf.cond(new_only, lambda: self._own_items(user, item), lambda: self._marked(user, without[:, :0]))
                left = ~(self._marked(user, without) | met)
                found = self.log_probabilities(user, item, time, now)
                found = tf.where(left, found, _NOTHING)
                total = tf.reduce_logsumexp(found, axis=1, keepdims=True)
                return tf.math.top_k(tf.where(left, found - tf.maximum(total, found.dtype.min), _NOTHING), width)

            return self._answer(best, (user, item, time, now, without))

        names = (USER_ID, HISTORY, "k", HISTORY_TIMESTAMP, TIMESTAMP, EXCLUDE, NEW_ONLY)
        kinds = (tf.string, tf.string, tf.int32, tf.int64, tf.int64, tf.string, tf.bool)
        shapes: tuple[list[None], ...] = ([None], [None, None], [], [None, None], [None], [None, None], [])
        specs = [tf.TensorSpec(*spec) for spec in zip(shapes, kinds, names, strict=True)]
        return tf.function(next_items_at, input_signature=specs, autograph=False)

    def _indices(self, user_id: tf.Tensor, history: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Looks up indices of users int64[N] and of items int64[N, T]; 0 for unknown or empty ids."""
        user = tf.where(user_id == "", tf.zeros([], tf.int64), self._users.lookup(user_id) + 1)
        return user, self._item_indices(history)

    def _item_indices(self, ids: tf.Tensor) -> tf.Tensor:
        """Looks up indices of items int64[...]; 0 for unknown or empty ids."""
        return tf.where(ids == "", tf.zeros([], tf.int64), self._items.lookup(ids) + 1)

    def _marked(self, user: tf.Tensor, item: tf.Tensor) -> tf.Tensor:
        """Returns whether each item is among the items int64[N, T] of each row: bool[N, items]."""
        row = tf.repeat(tf.range(tf.size(user, tf.int64))[:, tf.newaxis], tf.shape(item)[1], axis=1)
        return self._cells(tf.size(user, tf.int64), tf.reshape(row, [-1]), tf.reshape(item, [-1]))

    def _own_items(self, user: tf.Tensor, item: tf.Tensor) -> tf.Tensor:
        """Returns whether each user has met each item, or it is among int64[N, T]: bool[N, items].

        Users have met the items of their stored events, and of those of validation and test.
        """
        whose, held, _ = self.past.own(user)
        others = self.past.held_out(user)
        row, met = (
            tf.concat(parts, axis=0)
            for parts in ((whose, others.value_rowids()), (tf.cast(held, tf.int64), others.values))
        )
        return self._marked(user, item) | self._cells(tf.size(user, tf.int64), row, met)

    def _cells(self, rows: tf.Tensor, row: tf.Tensor, item: tf.Tensor) -> tf.Tensor:
        """Returns a mask bool[rows, items] that is True at the given rows and items int64[n]; item 0 is ignored."""
        width = tf.size(self.item_ids, tf.int64)
        marks = tf.math.unsorted_segment_max(tf.ones_like(row), row * width + item, rows * width)
        return tf.reshape(marks, [rows, width])[:, 1:] > 0

    def _rolled(
        self,
        user: tf.Tensor,
        item: tf.Tensor,
        embed: Callable[[tf.Tensor], list[tf.Tensor]],
        step: Callable[[list[tf.Tensor], tf.Tensor], tf.Tensor],
    ) -> tf.Tensor:
        """Computes the hidden states of users after new items: float32[N, units].

        Args:
          user: int64[N], user indices.
          item: int64[N, T], item indices in order; 0 is ignored.
          embed: returns the cell's embeddings of items int64[N].
          step: computes the next state from embeddings and a state.
        """
        by_step = tf.transpose(item)
        steps = tf.shape(by_step)[0]

        def one(index: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            met = by_step[index]
            return index + 1, tf.where((met > 0)[:, tf.newaxis], step(embed(met), state), state)

        _, state = tf.while_loop(lambda index, _: index < steps, one, (tf.constant(0), tf.gather(self.states, user)))
        return state

    def _answer(self, best: Callable[..., Sequence[tf.Tensor]], inputs: Sequence[tf.Tensor]) -> Answer:
        """Applies `best`, which returns log-probabilities and item indices less one, to some users at a time."""
        found, index = in_blocks(best, inputs, _ROWS, [tf.float32, tf.int32])
        found, index = (tf.ensure_shape(x, [None, None]) for x in (found, index))
        names = tf.gather(self.item_ids, tf.where(found > _NOTHING, index + 1, 0))
        return {ITEM_ID: names, LOG_PROBABILITY: found}


def mean_first(table: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Returns a table of users with row 0, of the unknown user, set to the mean of the other rows."""
    return np.concatenate([table[1:].mean(axis=0, keepdims=True), table[1:]])
