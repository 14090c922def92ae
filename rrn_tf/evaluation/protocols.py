"""The two ways of asking about the future.

*Frozen*: only training ratings are seen; states are extrapolated to each query's time. *Streaming*:
each rating is revealed, after it was predicted, to strictly later steps on both sides; nothing is
retrained (Section 4.5). Figures of one are never compared with figures of the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rrn_tf.data.batches import BatchPlan, plan_batches
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.evaluation.metrics import mae, rmse
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.models.entity_states import EntityStates
from rrn_tf.models.rrn import RRN
from rrn_tf.training.row_states import RowStates, rolls_jointly

FROZEN, STREAMING = "frozen", "streaming"
PROTOCOLS = (FROZEN, STREAMING)
BOTH = "both"  # as a choice of what counts

Metrics = dict[str, dict[str, dict[str, float]]]


def streaming_states(
    model: RRN, sequences: RatingSequences, rows_per_batch: int, start: dict[Side, EntityStates] | None = None
) -> RowStates:
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
            if rolls_jointly(model, start)
            else plan_batches(sequences.side(side), sequences.metadata, rows_per_batch, rows=rows)
        )
    rolled = RowStates(model, sequences, plans, start)
    rolled.refresh_all()
    return rolled


def evaluate(by_protocol: Mapping[str, RowStates]) -> Metrics:
    """RMSE and MAE of every split under both protocols.

    Training ratings have one figure, since both protocols see the same of the past there.

    Args:
      by_protocol: refreshed row states of each protocol, on the same data.

    Returns:
      ``{split: {protocol: {"rmse", "mae", "n"}}}``; splits without ratings are left out.
    """
    metrics: Metrics = {}
    for split in Split:
        for protocol, states in by_protocol.items():
            rows = states.sequences.rows_of([split])
            actual = states.sequences.user.rating[rows]
            if len(rows) and not (split is Split.TRAIN and protocol == STREAMING):
                predicted = states.predict(rows)
                figures = {"rmse": rmse(predicted, actual), "mae": mae(predicted, actual), "n": len(rows)}
                metrics.setdefault(split.label, {})[protocol] = figures
    return metrics
