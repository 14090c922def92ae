"""The items that a user has met before each event: the event repeats one of them, or its item is new to the user."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rrn_tf.data.event_context import repeats
from rrn_tf.data.event_scores import Positions
from rrn_tf.data.events import EventSequences


class OwnItems:
    """The distinct items of each user, in the order in which the user first met them.

    Args:
      sequences: the events; only the earlier events of a user count at each event.
    """

    def __init__(self, sequences: EventSequences) -> None:
        self.repeated = repeats(sequences, len(sequences.item))
        self._item = sequences.item[~self.repeated]
        self._met = np.concatenate([[0], np.cumsum(~self.repeated)])
        self._begin = self._met[sequences.user_splits[sequences.user]]

    def before(self, positions: Positions) -> tuple[Positions, npt.NDArray[np.int32]]:
        """Lists the distinct items of the earlier events of each event's user.

        Args:
          positions: int64[N], indices into `sequences.item`.

        Returns:
          int64[n], index into `positions` for each item, ascending, and int32[n], the items.
        """
        begin, end = self._begin[positions], self._met[positions]
        count = end - begin
        row = np.repeat(np.arange(len(positions)), count)
        place = np.arange(len(row)) + np.repeat(begin - (np.cumsum(count) - count), count)
        return row, self._item[place]

    def without(self, scores: npt.NDArray[np.float32], positions: Positions) -> npt.NDArray[np.float32]:
        """Renormalises log-probabilities over the items that are new to each event's user; all others get -infinity.

        Args:
          scores: float32[N, M], log-probabilities of all items; at least one item has to be new to each user.
          positions: int64[N].
        """
        row, item = self.before(positions)
        left = scores.copy()
        left[row, item - 1] = -np.inf
        highest = left.max(axis=1, keepdims=True)
        return left - (highest + np.log(np.exp(left - highest).sum(axis=1, keepdims=True, dtype=np.float64))).astype(
            np.float32
        )
