"""What all saved models of events share: ids, states, and how an answer is made."""

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
from rrn_tf.serving.requests import answer_width, bounded, same_rows, same_widths
from rrn_tf.serving.state_tables import line_numbers
from rrn_tf.states.event_snapshot import EventSnapshot
from rrn_tf.version import __version__

SERVED = 10  # items that `serving_default` answers with
_ROWS = 256  # users at a time, each with recurrent matrices and a probability for every item
_NOTHING = float("-inf")  # log-probability of what is left out
Answer = dict[str, tf.Tensor]


class NextItems(tf.Module):
    """Ids of users and items, the events that the model holds, where these left each user's state, and signatures.

    Args:
      result: a trained network with its states.
      past: its events.
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
        """float32[N, items], of all items as the next one.

        Args:
          user: int64[N], 0 for whoever is unknown.
          item: int64[N, T], items of their events since those that the model holds, in order; 0 is passed over.
          time: int64[N, T], when they were, in unix seconds.
          now: int64[N], when the next event is.
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
        """The most probable next items, [N, min(k, items)], and their log-probabilities, falling.

        All is as if it were the time of the user's last event that the model holds; `next_items_at` knows better.

        Args:
          user_id: string[N].
          history: string[N, T], the items of the user's events since those that the model holds, in order; empty
            strings pad.
          k: int32[], how many items.
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
        """The signature that takes times and items to leave out; made anew, since its defaults are tensors."""

        def next_items_at(
            user_id: tf.Tensor,
            history: tf.Tensor,
            k: tf.Tensor,
            history_timestamp: tf.Tensor = tf.zeros([0, 0], tf.int64),  # noqa: B008
            timestamp: tf.Tensor = tf.zeros([0], tf.int64),  # noqa: B008
            exclude: tf.Tensor = tf.constant([], tf.string, [0, 0]),  # noqa: B008
            new_only: tf.Tensor = tf.constant(False),  # noqa: B008
        ) -> Answer:
            """As `next_items`, as of a time and without some items.

            Where fewer than `k` items are left, the tail has the empty id and the log-probability -inf; the others'
            are those among what is left.

            Args:
              user_id, history, k: as those of `next_items`.
              history_timestamp: int64[N, T], unix seconds of the events; no rows at all: of the last one that the
                model holds.
              timestamp: int64[N], unix seconds of the next event; none at all: likewise.
              exclude: string[N, E], items to leave out; empty and unknown ids do nothing, no rows at all neither.
              new_only: bool[], whether to leave out all items of the user's events, of the request too.
            """
            user_id, history = same_rows(user_id=user_id, history=history)
            (history,) = same_widths(history=history)
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
                met = tf.cond(new_only, lambda: self._met(user, item), lambda: self._marked(user, without[:, :0]))
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
        """int64[N] users and int64[N, T] items; 0 is nobody, and no item or one that training did not know."""
        user = tf.where(user_id == "", tf.zeros([], tf.int64), self._users.lookup(user_id) + 1)
        return user, self._item_indices(history)

    def _item_indices(self, ids: tf.Tensor) -> tf.Tensor:
        """int64[...], likewise of items alone."""
        return tf.where(ids == "", tf.zeros([], tf.int64), self._items.lookup(ids) + 1)

    def _marked(self, user: tf.Tensor, item: tf.Tensor) -> tf.Tensor:
        """bool[N, items], which of them are among items int64[N, T] of each row."""
        row = tf.repeat(tf.range(tf.size(user, tf.int64))[:, tf.newaxis], tf.shape(item)[1], axis=1)
        return self._cells(tf.size(user, tf.int64), tf.reshape(row, [-1]), tf.reshape(item, [-1]))

    def _met(self, user: tf.Tensor, item: tf.Tensor) -> tf.Tensor:
        """bool[N, items], which of them users have met in events that the model holds, or are among int64[N, T]."""
        whose, held, _ = self.past.own(user)
        return self._marked(user, item) | self._cells(tf.size(user, tf.int64), whose, tf.cast(held, tf.int64))

    def _cells(self, rows: tf.Tensor, row: tf.Tensor, item: tf.Tensor) -> tf.Tensor:
        """bool[rows, items], True at rows and items int64[n]; item 0 is no item."""
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
        """float32[N, units], states of users after items int64[N, T], 0 of which are passed over.

        Args:
          user: int64[N].
          item: the items.
          embed: what the cell adds at items int64[N].
          step: the state after what is added and a state.
        """
        by_step = tf.transpose(item)
        steps = tf.shape(by_step)[0]

        def one(index: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            met = by_step[index]
            return index + 1, tf.where((met > 0)[:, tf.newaxis], step(embed(met), state), state)

        _, state = tf.while_loop(lambda index, _: index < steps, one, (tf.constant(0), tf.gather(self.states, user)))
        return state

    def _answer(self, best: Callable[..., Sequence[tf.Tensor]], inputs: Sequence[tf.Tensor]) -> Answer:
        """What `best` makes of inputs, some users at a time: log-probabilities, falling, and items less one."""
        found, index = in_blocks(best, inputs, _ROWS, [tf.float32, tf.int32])
        found, index = (tf.ensure_shape(x, [None, None]) for x in (found, index))
        names = tf.gather(self.item_ids, tf.where(found > _NOTHING, index + 1, 0))
        return {ITEM_ID: names, LOG_PROBABILITY: found}


def mean_first(table: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """A table of users whose row 0, of whoever is unknown, is the mean of the others."""
    return np.concatenate([table[1:].mean(axis=0, keepdims=True), table[1:]])
