"""States of the streaming protocol: each rating is revealed to strictly later steps; no retraining (Section 4.5)."""

from __future__ import annotations

import numpy as np

from rrn_tf.data.batches import BatchPlan, plan_batches
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.features import SIDES, Side
from rrn_tf.models.rrn import RRN
from rrn_tf.states.division import Peers
from rrn_tf.states.entity_states import EntityStates
from rrn_tf.states.step_states import StepStates, propagates_jointly


def streaming_states(
    model: RRN,
    sequences: RatingSequences,
    rows_per_batch: int,
    start: dict[Side, EntityStates] | None = None,
    peers: Peers | None = None,
    begun: StepStates | None = None,
) -> StepStates:
    """Computes a network's states at every step, with each rating revealed to strictly later steps on both sides.

    Args:
      model: the network.
      sequences: the data.
      rows_per_batch: padded steps of a batch.
      start: states of earlier ratings to continue; newbies by default.
      peers, begun: as for `StepStates`.
    """
    plans, shares = {}, peers.count if peers and sequences.divided else 1
    for side in SIDES:
        data = sequences.side(side)
        rows = np.diff(data.row_splits)
        plans[side] = (
            BatchPlan([], rows, np.empty(0, np.int64))
            if propagates_jointly(model, start)
            else plan_batches(data, sequences.metadata, rows_per_batch, shares, rows, by_owner=sequences.divided)
        )
    rolled = StepStates(model, sequences, plans, start, peers, begun)
    rolled.refresh_all()
    return rolled
