"""Distributions over the next item that are counted from all users' training events."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from rrn_tf.data.event_counts import EventCounts
from rrn_tf.data.event_scores import Positions, positions_of, previous_items
from rrn_tf.data.events import EventSequences
from rrn_tf.data.nearest_users import KEPT, nearest_users
from rrn_tf.features import Split

FloatArray = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]

DISTRIBUTIONS = ("others' 2-gram", "others' 1-gram", "uniform", "nearest users")
ABSENT = -1e9  # stands for the log-probability of a distribution that is absent at an event
LEFT_OUT = -100.0  # log-probability of an item that a distribution leaves out
SMOOTHING = 0.1  # pseudo-count of every item in others' 1-gram
_SPANS = 8  # alternate spans of a user's training events decide the nearest users for the other spans


class SharedCounts:
    """Four distributions over the M items, counted from other users' training events (`DISTRIBUTIONS`).

    A user's own events are excluded from all of them. So a training event is predicted from counts that do not contain
    it, as a later event is; likewise the nearest users of a training event are found from other events of its user.

    Args:
      sequences: the events, of which only the training events are counted.
      kept: number of items, the most probable ones, in each user's distribution by nearest users.
    """

    def __init__(self, sequences: EventSequences, kept: int = KEPT) -> None:
        train = positions_of(sequences, [Split.TRAIN])
        self.num_items = sequences.num_items
        user, item = sequences.user[train].astype(np.int64), sequences.item[train]
        previous = previous_items(sequences, train)
        inside = previous > 0
        following = EventCounts(previous[inside], item[inside], self.num_items)
        own_following = EventCounts(self._pair(user, previous)[inside], item[inside], self.num_items)
        self._following = following, own_following
        self._met = EventCounts(np.zeros_like(user), item, self.num_items), EventCounts(user, item, self.num_items)
        everything = self._by_user(sequences, train)
        self._kept = kept
        self.neighbours = nearest_users(everything, everything, kept)

    def log_probabilities(self, sequences: EventSequences, positions: Positions) -> FloatArray:
        """Computes the log-probability of each event's item: float32[N, 4]; `ABSENT` for absent distributions.

        Args:
          sequences: the counted events, and later ones; users without training events have the highest indices.
          positions: int64[N], indices into `sequences.item`.
        """
        user, item = sequences.user[positions].astype(np.int64), sequences.item[positions]
        previous = previous_items(sequences, positions)
        count, total = self._others(self._following, previous, self._pair(user, previous), item)
        met, all_met = self._others(self._met, np.zeros_like(user), user, item)
        probability = np.stack(
            [
                count / np.maximum(total, 1),
                (met + SMOOTHING) / (all_met + SMOOTHING * self.num_items),
                np.full(len(user), 1 / self.num_items),
                self._of_neighbours(sequences, positions),
            ],
            axis=1,
        )
        found = np.where(probability > 0, np.log(np.maximum(probability, 1e-30)), LEFT_OUT)
        found[total <= 0, 0] = ABSENT
        found[self.neighbours.getnnz(axis=1)[self._trained(user)] == 0, 3] = ABSENT
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
        found[:, 3] = self.neighbours[self._trained(users)].toarray()
        return found

    @property
    def num_entries(self) -> int:
        """Number of non-zero counts and probabilities."""
        counted = sum(counts.num_entries for pair in (self._following, self._met) for counts in pair)
        return counted + int(self.neighbours.nnz)

    def following(self) -> Any:
        """Returns sparse float32[M + 1, M], how often each item followed each other one; row 0 is that of no item."""
        return self._following[0].sparse(np.arange(self.num_items + 1))

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

    def _trained(self, user: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        """Replaces users without training events by 0."""
        return np.where(user < self.neighbours.shape[0], user, 0)

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

    def _of_neighbours(self, sequences: EventSequences, positions: Positions) -> npt.NDArray[np.float64]:
        """Computes probabilities by nearest users; those of a training event are found from its user's other spans."""
        if not len(positions):
            return np.empty(0)
        user, item = sequences.user[positions], sequences.item[positions] - 1
        found = np.asarray(self.neighbours[self._trained(user), item], np.float64).ravel()
        train = positions_of(sequences, [Split.TRAIN])
        place = np.arange(len(sequences.item)) - sequences.user_splits[sequences.user]
        count = sequences.counts([Split.TRAIN])[sequences.user]
        span = np.where(sequences.split == Split.TRAIN, place * _SPANS // np.maximum(count, 1) % 2, -1)
        everything = self._by_user(sequences, train)
        for kind in (0, 1):
            if len(at := np.flatnonzero(span[positions] == kind)):
                neighbours = nearest_users(self._by_user(sequences, train[span[train] != kind]), everything, self._kept)
                found[at] = np.asarray(neighbours[user[at], item[at]]).ravel()
        return found

    def _by_user(self, sequences: EventSequences, positions: Positions) -> Any:
        entries = (np.ones(len(positions), np.float32), (sequences.user[positions], sequences.item[positions] - 1))
        return sparse.csr_matrix(entries, (sequences.num_users + 1, self.num_items))
