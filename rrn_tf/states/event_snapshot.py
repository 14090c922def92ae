"""The contents of a saved Collaborative RNN, which training and updates hand to the exporter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rrn_tf.data.events import EventSequences
from rrn_tf.data.shared_counts import SharedCounts
from rrn_tf.states.event_states import EventMetrics, EventNetwork


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
    """

    model: EventNetwork
    sequences: EventSequences
    states: npt.NDArray[np.float32]
    metrics: EventMetrics
    counts: SharedCounts | None = None
