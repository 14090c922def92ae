"""States that follow all ratings, each revealed to strictly later steps; nothing is retrained (Section 4.5)."""

from __future__ import annotations

import numpy as np

from rrn_tf.data.batches import BatchPlan, plan_batches
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.features import SIDES, Side
from rrn_tf.models.rrn import RRN
from rrn_tf.states.entity_states import EntityStates
from rrn_tf.states.step_states import StepStates, propagates_jointly


def streaming_states(
    model: RRN, sequences: RatingSequences, rows_per_batch: int, start: dict[Side, EntityStates] | None = None
) -> StepStates:
    """A network rolled over every row, each rating revealed to strictly later steps on both sides.

    Args:
      model: the network.
      sequences: the data.
      rows_per_batch: padded rows of a batch.
      start: states of earlier ratings to go on from; newbies by default.
    """
    plans = {}
    for side in SIDES:
        rows = np.diff(sequences.side(side).row_splits)
        plans[side] = (
            BatchPlan([], rows)
            if propagates_jointly(model, start)
            else plan_batches(sequences.side(side), sequences.metadata, rows_per_batch, rows=rows)
        )
    rolled = StepStates(model, sequences, plans, start)
    rolled.refresh_all()
    return rolled
