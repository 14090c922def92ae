"""Distributions over the next item that are counted from all users' training events."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from rrn_tf.data.event_counts import EventCounts
from rrn_tf.data.event_scores import Positions, positions_of, previous_items
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split

FloatArray = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]

DISTRIBUTIONS = ("others' 2-gram", "others' 1-gram", "uniform", "others' 2-gram of first meetings")
ABSENT = -1e9  # stands for the log-probability of a distribution that is absent at an event
LEFT_OUT = -100.0  # log-probability of an item that a distribution leaves out
SMOOTHING = 0.1  # pseudo-count of every item in others' 1-gram


class SharedCounts:
    """Four distributions over the M items, counted from other users' training events (`DISTRIBUTIONS`).

    A user's own events are excluded from all of them. So a training event is predicted from counts that do not contain
    it, as a later event is. Users repeat what is their own; what follows an item for all users shows where they meet
    the following item for the first time, so a second 2-gram counts only such events.

    Args:
      sequences: the events, of which only the training events are counted.
    """

    def __init__(self, sequences: EventSequences) -> None:
        train = positions_of(sequences, [Split.TRAIN])
        self.num_items = sequences.num_items
        user, item = sequences.user[train].astype(np.int64), sequences.item[train]
        previous = previous_items(sequences, train)
        inside = previous > 0
        first = np.zeros(len(train), np.bool_)
        first[np.unique(self._pair(user, item), return_index=True)[1]] = True

        def two_grams(of: npt.NDArray[np.bool_]) -> tuple[EventCounts, EventCounts]:
            own = EventCounts(self._pair(user, previous)[of], item[of], self.num_items)
            return EventCounts(previous[of], item[of], self.num_items), own

        self._following, self._meeting = two_grams(inside), two_grams(inside & first)
        self._met = EventCounts(np.zeros_like(user), item, self.num_items), EventCounts(user, item, self.num_items)

    def log_probabilities(self, sequences: EventSequences, positions: Positions) -> FloatArray:
        """Computes the log-probability of each event's item: float32[N, 4]; `ABSENT` for absent distributions.

        Args:
          sequences: the counted events, and later ones; users without training events have the highest indices.
          positions: int64[N], indices into `sequences.item`.
        """
        user, item = sequences.user[positions].astype(np.int64), sequences.item[positions]
        previous = previous_items(sequences, positions)
        context = self._pair(user, previous)
        count, total = self._others(self._following, previous, context, item)
        met_first, all_met_first = self._others(self._meeting, previous, context, item)
        met, all_met = self._others(self._met, np.zeros_like(user), user, item)
        probability = np.stack(
            [
                count / np.maximum(total, 1),
                (met + SMOOTHING) / (all_met + SMOOTHING * self.num_items),
                np.full(len(user), 1 / self.num_items),
                met_first / np.maximum(all_met_first, 1),
            ],
            axis=1,
        )
        found = np.where(probability > 0, np.log(np.maximum(probability, 1e-30)), LEFT_OUT)
        found[total <= 0, 0] = ABSENT
        found[all_met_first <= 0, 3] = ABSENT
        return found.astype(np.float32)

    def distributions(self, user: npt.NDArray[np.integer], previous: npt.NDArray[np.integer]) -> FloatArray:
        """Computes the probability of each item for a user's event after `previous`: float32[B, 4, M]; 0 if absent.

        Args:
          user: int[B], 0 or above all others for an unknown user.
          previous: int[B], the preceding item, 0 for none.
        """
        users, before = user.astype(np.int64), previous.astype(np.int64)
        found = np.zeros((len(user), len(DISTRIBUTIONS), self.num_items), np.float32)
        found[:, 0] = self._probabilities(self._following, before, self._pair(users, before), 0.0)
        found[:, 1] = self._probabilities(self._met, np.zeros(len(users), np.int64), users, SMOOTHING)
        found[:, 2] = 1 / self.num_items
        found[:, 3] = self._probabilities(self._meeting, before, self._pair(users, before), 0.0)
        return found

    @property
    def num_entries(self) -> int:
        """Number of non-zero counts."""
        return sum(counts.num_entries for pair in (self._following, self._met, self._meeting) for counts in pair)

    def following(self) -> Any:
        """Returns sparse float32[M + 1, M], how often each item followed each other one; row 0 is that of no item."""
        return self._following[0].sparse(np.arange(self.num_items + 1))

    def meeting(self) -> Any:
        """Returns the same as `following`, of events whose user met the item for the first time."""
        return self._meeting[0].sparse(np.arange(self.num_items + 1))

    def met(self) -> FloatArray:
        """Returns float32[M], how often each item occurs."""
        everyone = self._met[0]
        return everyone.dense(everyone.rows(np.zeros(1, np.int64)))[0]

    def others_total(self, sequences: EventSequences, positions: Positions) -> npt.NDArray[np.float64]:
        """Counts the other users' events that the 2-gram of each event is made of: float64[N]."""
        user, previous = sequences.user[positions].astype(np.int64), previous_items(sequences, positions)
        everyone, own = self._following
        total = everyone.total[everyone.rows(previous)] - own.total[own.rows(self._pair(user, previous))]
        return np.asarray(total)

    def _pair(self, user: npt.NDArray[np.integer], previous: npt.NDArray[np.integer]) -> Codes:
        return user.astype(np.int64) * (self.num_items + 1) + previous.astype(np.int64)

    def _others(
        self, counts: tuple[EventCounts, EventCounts], context: Codes, own_context: Codes, item: npt.NDArray[np.integer]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Returns the counts of items in contexts, and of all items there, without the user's own."""
        everyone, own = counts
        rows, own_rows = everyone.rows(context), own.rows(own_context)
        return (
            everyone.at(rows, item) - own.at(own_rows, item),
            np.asarray(everyone.total[rows] - own.total[own_rows]),
        )

    def _probabilities(
        self, counts: tuple[EventCounts, EventCounts], context: Codes, own_context: Codes, smoothing: float
    ) -> FloatArray:
        """Returns float32[B, M], probabilities of all items in contexts, without the user's own events."""
        everyone, own = counts
        left = everyone.dense(everyone.rows(context)) - own.dense(own.rows(own_context)) + np.float32(smoothing)
        total = left.sum(axis=1, keepdims=True)
        return np.asarray(left / np.where(total > 0, total, 1))
