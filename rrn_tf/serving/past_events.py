"""The past events of users within a SavedModel: stored training events, and new events of a request."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from rrn_tf.data.event_context import (
    DAY,
    FEATURES,
    FORGETTING,
    HOUR,
    OF_TIME,
    RECENT,
    SCALE,
    USUAL,
    WEEK,
    repeats,
)
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split
from rrn_tf.states.event_snapshot import HeldOutEvents


class Past(NamedTuple):
    """The latest events of N users.

    Attributes:
      item: int32[N, window + 1], items of the latest events, the last one at the end; 0 is padding.
      time: int64[N, window + 1], unix seconds of these events.
      repeat: float32[N, window + 1], 1 if the item is among those of the `window` events before it.
      count: int32[N], number of all events of each user.
    """

    item: tf.Tensor
    time: tf.Tensor
    repeat: tf.Tensor
    count: tf.Tensor


class HeldEvents(tf.Module):
    """The stored events of all users, in order, with 12 bytes each.

    Args:
      sequences: the events; only training events are stored.
      held_out: the items of validation and test events, whose order is not stored; by default those of `sequences`.
    """

    def __init__(self, sequences: EventSequences, held_out: HeldOutEvents | None = None) -> None:
        super().__init__(name="past_events")
        others = HeldOutEvents.of(sequences) if held_out is None else held_out
        self.held_out_splits = tf.Variable(others.splits, trainable=False, dtype=tf.int64, name="held_out_splits")
        self.held_out_items = tf.Variable(others.items, trainable=False, dtype=tf.int64, name="held_out_items")
        train = sequences.split == Split.TRAIN
        splits = np.concatenate([[0], np.cumsum(sequences.counts([Split.TRAIN]))])
        self.splits = tf.Variable(splits.astype(np.int64), trainable=False, name="splits")
        self.item = tf.Variable(sequences.item[train].astype(np.int32), trainable=False, name="item")
        self.time = tf.Variable(sequences.timestamp[train].astype(np.int64), trainable=False, name="time")

    def last_time(self, user: tf.Tensor) -> tf.Tensor:
        """Returns the unix seconds of the last stored event of users int64[N], 0 if there is none: int64[N]."""
        end = tf.gather(self.splits, user + 1)
        some = end > tf.gather(self.splits, user)
        return tf.where(some, tf.gather(self.time, tf.where(some, end - 1, 0)), tf.zeros_like(end))

    def own(self, user: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns all stored events of users: index into `user` int64[n], item int32[n] and previous item int32[n]."""
        begin, end = tf.gather(self.splits, user), tf.gather(self.splits, user + 1)
        ragged = tf.ragged.range(begin, end)
        place, whose = ragged.values, ragged.value_rowids()
        before = tf.gather(self.item, tf.maximum(place - 1, 0))
        previous = tf.where(place > tf.gather(begin, whose), before, tf.zeros_like(before))
        return whose, tf.gather(self.item, place), previous

    def held_out(self, user: tf.Tensor) -> tf.RaggedTensor:
        """Returns the items of the validation and test events of users int64[N]: int64[N, (n)]."""
        table = tf.RaggedTensor.from_row_splits(self.held_out_items, self.held_out_splits, validate=False)
        return tf.gather(table, user)


class PastEvents(HeldEvents):
    """Stored events that also have a repeat flag, one more byte each.

    Args:
      sequences, held_out: as in `HeldEvents`.
      window: number of earlier events that an event is compared with.
    """

    def __init__(self, sequences: EventSequences, window: int, held_out: HeldOutEvents | None = None) -> None:
        super().__init__(sequences, held_out)
        train = sequences.split == Split.TRAIN
        self.window = window
        self.repeat = tf.Variable(repeats(sequences, window)[train], trainable=False, name="repeat")

    def until_now(self, user: tf.Tensor, item: tf.Tensor, time: tf.Tensor) -> Past:
        """Returns the latest events of users after some new events.

        Args:
          user: int64[N], user indices, 0 for unknown users.
          item: int32[N, T], items of their events since training, in order; 0 is ignored.
          time: int64[N, T], unix seconds of these events.
        """
        begin, end = tf.gather(self.splits, user), tf.gather(self.splits, user + 1)
        place = end[:, tf.newaxis] + tf.range(-self.window - 1, 0, dtype=tf.int64)
        inside = place >= begin[:, tf.newaxis]
        at = tf.where(inside, place, tf.zeros([], tf.int64))

        def with_new(table: tf.Variable, new: tf.Tensor) -> tf.Tensor:
            stored = tf.gather(table, at)
            return tf.concat([tf.where(inside, stored, tf.zeros_like(stored)), new], axis=1)

        items = with_new(self.item, item)
        # Ignored events are moved to the front; the others keep their order.
        order = tf.argsort(tf.cast(items > 0, tf.int32), axis=1, stable=True)

        def in_order(values: tf.Tensor) -> tf.Tensor:
            return tf.gather(values, order, batch_dims=1)

        items, times = in_order(items), in_order(with_new(self.time, time))
        is_new = in_order(tf.concat([tf.zeros_like(at, tf.bool), item > 0], axis=1))
        repeat = in_order(with_new(self.repeat, tf.zeros_like(item, tf.bool)))
        # New events are among the last T.
        steps, width = tf.shape(item)[1], tf.shape(items)[1]
        own = tf.range(width - steps, width)
        age = own[:, tf.newaxis] - tf.range(width)[tf.newaxis]
        same = (items[:, width - steps :, tf.newaxis] == items[:, tf.newaxis]) & (items[:, tf.newaxis] > 0)
        again = tf.reduce_any(same & (age >= 1) & (age <= self.window), axis=2)
        again = tf.where(is_new[:, width - steps :], again, repeat[:, width - steps :])
        repeat = tf.cast(tf.concat([repeat[:, : width - steps], again], axis=1), tf.float32)
        last = width - self.window - 1
        count = tf.cast(end - begin, tf.int32) + tf.reduce_sum(tf.cast(item > 0, tf.int32), axis=1)
        return Past(items[:, last:], times[:, last:], repeat[:, last:], count)


def next_features(past: Past, others: tf.Tensor, now: tf.Tensor, *, clock: bool) -> tf.Tensor:
    """Computes `rrn_tf.data.event_context.FEATURES` of the next event of each user: float32[N, 11].

    Args:
      past: latest events of the users.
      others: float32[N], number of other users' events that followed the same item.
      now: int64[N], unix seconds of the next event.
      clock: whether to use time; otherwise features of time are 0.
    """
    window = tf.shape(past.item)[1] - 1
    seen = tf.cast(tf.minimum(past.count, window), tf.float32)
    gap = tf.cast(tf.maximum(now - past.time[:, -1], 0), tf.float32) / HOUR
    gap = tf.where(past.count > 0, gap, 0.0)
    last = past.item[:, -1:]
    again = (past.item[:, :-1] == last) & (last > 0) & (past.item[:, 1:] > 0)
    same = tf.reduce_sum(tf.cast(again, tf.float32), axis=1)
    flags = past.repeat[:, 1:]
    fraction = (tf.reduce_sum(flags, axis=1) + 2 * USUAL) / (seen + 2)
    age = tf.range(tf.shape(flags)[1], 0, -1)
    old = tf.where(age <= RECENT, FORGETTING * (1 - FORGETTING) ** (tf.cast(age, tf.float32) - 1), 0.0)
    kept = tf.minimum(seen, RECENT)
    recent = tf.linalg.matvec(flags, old) + USUAL * (1 - FORGETTING) ** kept

    def phase(span: int) -> tf.Tensor:
        return 2 * math.pi / span * tf.cast(now % span, tf.float32)

    columns = [
        tf.math.log1p(tf.cast(past.count, tf.float32)) / SCALE,
        tf.math.log1p(gap) / SCALE,
        tf.math.log1p(same) / SCALE,
        tf.cast(same > 0, tf.float32),
        recent,
        fraction,
        tf.math.log1p(tf.maximum(others, 0)) / SCALE,
        *(wave(phase(span)) for span in (DAY, WEEK) for wave in (tf.sin, tf.cos)),
    ]
    if not clock:
        columns = [tf.zeros_like(column) if name in OF_TIME else column for name, column in zip(FEATURES, columns)]
    return tf.stack(columns, axis=1)
