"""Weights of a user's earlier events in predicting the next one, by age, hour of the day and previous item."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from rrn_tf.data.arrays import concatenated_ranges
from rrn_tf.data.event_scores import Positions, previous_items
from rrn_tf.data.events import EventSequences

FloatArray = npt.NDArray[np.float32]

_DAY, _WEEK = 24.0, 168.0


class Kernel(NamedTuple):
    """Weighs an event `a` events (from 1) and h hours ago by exp(-(a - 1) / events) a^-power c(h).

    The factor c(h) = exp(day (cos(2 pi h / 24) - 1) + week (cos(2 pi h / 168) - 1)) is highest for events at the same
    hour of the day and of the week.

    Attributes:
      events: the age, in events, over which weights fall to 1 / e; by default they do not depend on the age.
      power: exponent of the decay with age.
      day, week: how strongly weights depend on the hour of the day and of the week; with 0 they do not.
      context: whether only events count that followed the user's current last item (a bigram).
    """

    events: float = math.inf
    power: float = 0.0
    day: float = 0.0
    week: float = 0.0
    context: bool = False


class OwnPast:
    """All pairs of one of N events to predict and an earlier event of its user, from whichever split.

    Args:
      sequences: the events.
      positions: int64[N], indices of the events to predict.

    Attributes:
      row: int64[P], the event to predict of each pair, as an index into `positions`, ascending.
      item: int32[P], item index of the earlier event of each pair.
      rows: N, the number of events to predict.
    """

    def __init__(self, sequences: EventSequences, positions: Positions) -> None:
        first = sequences.user_splits[sequences.user[positions]]
        count = positions - first
        earlier = concatenated_ranges(first, count)
        self.rows = len(positions)
        self.row = np.repeat(np.arange(len(positions)), count)
        self.item = sequences.item[earlier]
        asked = positions[self.row]
        self._age = (asked - earlier).astype(np.float32)
        seconds = sequences.timestamp[asked] - sequences.timestamp[earlier]
        self._hours = np.maximum(seconds, 0).astype(np.float64) / 3_600
        last = previous_items(sequences, positions)
        self._same = previous_items(sequences, earlier) == last[self.row]

    def weights(self, kernel: Kernel) -> FloatArray:
        """Normalises the kernel's weights of pairs to add up to 1 for each event (or 0 without any): float32[P]."""
        log_weight = -(self._age - 1) / kernel.events - kernel.power * np.log(self._age)
        for strength, period in ((kernel.day, _DAY), (kernel.week, _WEEK)):
            if strength:
                log_weight += strength * (np.cos(2 * np.pi / period * self._hours) - 1)
        weight = np.exp(log_weight) * self._same if kernel.context else np.exp(log_weight)
        total = np.bincount(self.row, weight, self.rows)
        return (weight / np.where(total > 0, total, 1)[self.row]).astype(np.float32)

    def at(self, weights: FloatArray, item: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """Sums the weights of one item for each event to predict: float64[N]."""
        return np.asarray(np.bincount(self.row, weights * (self.item == item[self.row]), self.rows), np.float64)

    def sparse_rows(self, weight: FloatArray, num_items: int) -> Any:
        """Sums the weights of pairs by event and item: a sparse matrix [N, M]."""
        return sparse.coo_matrix((weight, (self.row, self.item - 1)), (self.rows, num_items))
