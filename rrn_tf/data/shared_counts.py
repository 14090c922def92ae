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

DISTRIBUTIONS = ("others' 2-gram", "others' 1-gram", "uniform", "nearest users", "others' 2-gram of first meetings")
ABSENT = -1e9  # in place of a log-probability: there is no such distribution
LEFT_OUT = -100.0  # log-probability of an item that a distribution leaves out
SMOOTHING = 0.1  # of others' 1-gram, a count for every item
_SPANS = 8  # alternate ones of a user's training events tell of the nearest users for the others


class SharedCounts:
    """What other users did, in five distributions over the M items (`DISTRIBUTIONS`).

    A user's own events are left out of all. So a training event is predicted from counts that it is not in, as a later
    event is; and who the nearest users are, too, is told by other events of its user. People repeat what is their own:
    what follows an item for all of them shows where they meet the following item for the first time, so a 2-gram counts
    such events alone.

    Args:
      sequences: training events are counted, no others.
      kept: items of the nearest users that are told each user; the most frequent ones.
    """

    def __init__(self, sequences: EventSequences, kept: int = KEPT) -> None:
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
        everything = self._by_user(sequences, train)
        self._kept = kept
        self.neighbours = nearest_users(everything, everything, kept)

    def log_probabilities(self, sequences: EventSequences, positions: Positions) -> FloatArray:
        """Of the item of each event: float32[N, 5]; `ABSENT` where a distribution has nothing to say.

        Args:
          sequences: the events that were counted, and later ones; users above all others had none in training.
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
                self._of_neighbours(sequences, positions),
                met_first / np.maximum(all_met_first, 1),
            ],
            axis=1,
        )
        found = np.where(probability > 0, np.log(np.maximum(probability, 1e-30)), LEFT_OUT)
        found[total <= 0, 0] = ABSENT
        found[self.neighbours.getnnz(axis=1)[self._trained(user)] == 0, 3] = ABSENT
        found[all_met_first <= 0, 4] = ABSENT
        return found.astype(np.float32)

    def distributions(self, user: npt.NDArray[np.integer], previous: npt.NDArray[np.integer]) -> FloatArray:
        """Probabilities of all items for users at the event after `previous`: float32[B, 5, M]; absent ones are 0.

        Args:
          user: int[B], 0 or above all others for whoever is unknown.
          previous: int[B], the item before, 0 for none.
        """
        users, before = user.astype(np.int64), previous.astype(np.int64)
        found = np.zeros((len(user), len(DISTRIBUTIONS), self.num_items), np.float32)
        found[:, 0] = self._shares(self._following, before, self._pair(users, before), 0.0)
        found[:, 1] = self._shares(self._met, np.zeros(len(users), np.int64), users, SMOOTHING)
        found[:, 2] = 1 / self.num_items
        found[:, 3] = self.neighbours[self._trained(users)].toarray()
        found[:, 4] = self._shares(self._meeting, before, self._pair(users, before), 0.0)
        return found

    @property
    def num_entries(self) -> int:
        """Counts and shares that are not zero."""
        counted = sum(counts.num_entries for pair in (self._following, self._met, self._meeting) for counts in pair)
        return counted + int(self.neighbours.nnz)

    def following(self) -> Any:
        """Sparse float32[M + 1, M], how often each item followed each one, row 0 that of none."""
        return self._following[0].sparse(np.arange(self.num_items + 1))

    def meeting(self) -> Any:
        """As `following`, of first meetings alone."""
        return self._meeting[0].sparse(np.arange(self.num_items + 1))

    def met(self) -> FloatArray:
        """float32[M], how often each item was met."""
        everyone = self._met[0]
        return everyone.dense(everyone.rows(np.zeros(1, np.int64)))[0]

    def others_total(self, sequences: EventSequences, positions: Positions) -> npt.NDArray[np.float64]:
        """How many events of others the 2-gram of each event is made of: float64[N]."""
        user, previous = sequences.user[positions].astype(np.int64), previous_items(sequences, positions)
        everyone, own = self._following
        total = everyone.total[everyone.rows(previous)] - own.total[own.rows(self._pair(user, previous))]
        return np.asarray(total)

    def _trained(self, user: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        """Users with training events, 0 for the others."""
        return np.where(user < self.neighbours.shape[0], user, 0)

    def _pair(self, user: npt.NDArray[np.integer], previous: npt.NDArray[np.integer]) -> Codes:
        return user.astype(np.int64) * (self.num_items + 1) + previous.astype(np.int64)

    def _others(
        self, counts: tuple[EventCounts, EventCounts], context: Codes, own_context: Codes, item: npt.NDArray[np.integer]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Counts of items in contexts, and of all items there, less the user's own."""
        everyone, own = counts
        rows, own_rows = everyone.rows(context), own.rows(own_context)
        return (
            everyone.at(rows, item) - own.at(own_rows, item),
            np.asarray(everyone.total[rows] - own.total[own_rows]),
        )

    def _shares(
        self, counts: tuple[EventCounts, EventCounts], context: Codes, own_context: Codes, smoothing: float
    ) -> FloatArray:
        """float32[B, M], shares of all items in contexts, the user's own left out."""
        everyone, own = counts
        left = everyone.dense(everyone.rows(context)) - own.dense(own.rows(own_context)) + np.float32(smoothing)
        total = left.sum(axis=1, keepdims=True)
        return np.asarray(left / np.where(total > 0, total, 1))

    def _of_neighbours(self, sequences: EventSequences, positions: Positions) -> npt.NDArray[np.float64]:
        """Probabilities by the nearest users: of training events by those that the user's other spans tell."""
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
                told = nearest_users(self._by_user(sequences, train[span[train] != kind]), everything, self._kept)
                found[at] = np.asarray(told[user[at], item[at]]).ravel()
        return found

    def _by_user(self, sequences: EventSequences, positions: Positions) -> Any:
        entries = (np.ones(len(positions), np.float32), (sequences.user[positions], sequences.item[positions] - 1))
        return sparse.csr_matrix(entries, (sequences.num_users + 1, self.num_items))
