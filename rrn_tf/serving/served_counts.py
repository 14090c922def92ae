"""Counts of other users' events within a SavedModel."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from rrn_tf.data.shared_counts import SMOOTHING, SharedCounts
from rrn_tf.serving.past_events import PastEvents


class SparseRows(tf.Module):
    """A sparse table in variables of a SavedModel.

    Args:
      rows: sparse matrix float32[R, M].
      name: name of the module.
    """

    def __init__(self, rows: Any, name: str) -> None:
        super().__init__(name=name)
        self._width = rows.shape[1]
        # One value more than needed, so that no variable is empty.
        self.splits = tf.Variable(rows.indptr.astype(np.int64), trainable=False, name="splits")
        self.column = tf.Variable(np.append(rows.indices, 0).astype(np.int32), trainable=False, name="column")
        self.value = tf.Variable(np.append(rows.data, 0).astype(np.float32), trainable=False, name="value")

    def dense(self, row: tf.Tensor) -> tf.Tensor:
        """Returns the rows int64[N] as a dense tensor float32[N, M]."""
        ragged = tf.ragged.range(tf.gather(self.splits, row), tf.gather(self.splits, row + 1))
        place = ragged.value_rowids() * self._width + tf.cast(tf.gather(self.column, ragged.values), tf.int64)
        size = tf.size(row, tf.int64)
        flat = tf.math.unsorted_segment_sum(tf.gather(self.value, ragged.values), place, size * self._width)
        return tf.reshape(flat, [size, self._width])


class ServedCounts(tf.Module):
    """`SharedCounts` within a SavedModel.

    Args:
      counts: counts of the training events.
      past: all training events, so that a user's own events can be subtracted from the counts.
    """

    def __init__(self, counts: SharedCounts, past: PastEvents) -> None:
        super().__init__(name="shared_counts")
        self._items, self._past = counts.num_items, past
        self.following = SparseRows(counts.following(), "following")
        self.meeting = SparseRows(counts.meeting(), "meeting")
        self.met = tf.Variable(counts.met(), trainable=False, name="met")

    def distributions(self, user: tf.Tensor, previous: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes the distributions of `SharedCounts`, float32[N, 4, M], and the number of bigram events, float32[N].

        Args:
          user: int64[N], user indices, 0 for unknown users.
          previous: int32[N], each user's last item, 0 for none.
        """
        whose, item, before = self._past.own(user)
        size, width = tf.size(user, tf.int64), self._items
        place = whose * width + tf.cast(item, tf.int64) - 1

        def own(weight: tf.Tensor) -> tf.Tensor:
            return tf.reshape(tf.math.unsorted_segment_sum(weight, place, size * width), [size, width])

        asked = tf.gather(previous, whose)
        after = tf.cast((before == asked) & (asked > 0), tf.float32)
        order = tf.range(tf.size(place))
        first = tf.gather(tf.math.unsorted_segment_min(order, place, size * width), place) == order
        following = self.following.dense(tf.cast(previous, tf.int64)) - own(after)
        meeting = self.meeting.dense(tf.cast(previous, tf.int64)) - own(after * tf.cast(first, tf.float32))
        met = self.met - own(tf.ones_like(place, tf.float32)) + SMOOTHING
        total, all_meeting = tf.reduce_sum(following, axis=1), tf.reduce_sum(meeting, axis=1)
        distributions = [
            following / tf.where(total > 0, total, 1.0)[:, tf.newaxis],
            met / tf.reduce_sum(met, axis=1, keepdims=True),
            tf.fill(tf.shape(following), tf.constant(1 / width, tf.float32)),
            meeting / tf.where(all_meeting > 0, all_meeting, 1.0)[:, tf.newaxis],
        ]
        return tf.stack(distributions, axis=1), total
