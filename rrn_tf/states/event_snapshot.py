"""The contents of a saved Collaborative RNN, which training and updates hand to the exporter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.events import EventSequences
from rrn_tf.data.shared_counts import SharedCounts
from rrn_tf.features import Split
from rrn_tf.states.event_states import EventMetrics, EventNetwork


class HeldOutEvents(NamedTuple):
    """Items that users met in the validation and test events, which the states do not include.

    Attributes:
      splits: int64[U + 2], where the items of each user (0 included) begin and end.
      items: int64[N], item indices.
    """

    splits: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]

    @classmethod
    def of(cls, sequences: EventSequences) -> HeldOutEvents:
        """Creates an instance from the events of a training."""
        later = sequences.split != Split.TRAIN
        counts = np.bincount(sequences.user[later], minlength=sequences.num_users + 1)
        return cls(np.concatenate([[0], np.cumsum(counts)]), sequences.item[later].astype(np.int64))

    def enlarged(self, new_users: int) -> HeldOutEvents:
        """Returns a copy for more users, who have none of these events."""
        return self._replace(splits=np.pad(self.splits, (0, new_users), mode="edge"))


@dataclass(frozen=True)
class EventSnapshot:
    """A network of events with its users' states.

    Attributes:
      model: the network.
      sequences: the events that the states include.
      states: float32[U + 1, units], each user's state after all training events.
      metrics: ``{split: {protocol: {"nll", "n"}}}``: the mean over users of each one's mean negative log-likelihood, in
        nats, and the number of events (see `rrn_tf.states.event_states`).
      counts: counts of other users' events, which a mixture needs.
      held_out: the validation and test events; by default those of `sequences`.
    """

    model: EventNetwork
    sequences: EventSequences
    states: npt.NDArray[np.float32]
    metrics: EventMetrics
    counts: SharedCounts | None = None
    held_out: HeldOutEvents | None = field(default=None, kw_only=True)
