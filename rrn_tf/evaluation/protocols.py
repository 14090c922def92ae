"""The two protocols for predicting held-out ratings.

*Frozen*: only training ratings are observed; states are extrapolated to each query's time. *Streaming*: each rating
is observed, after it was predicted, by strictly later time steps on both sides; nothing is retrained (Section 4.5).
Figures of the two protocols are never compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from rrn_tf.data.events import EventSequences
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.evaluation.metrics import rmse_and_mae
from rrn_tf.features import Split
from rrn_tf.states.snapshot import Metrics
from rrn_tf.states.step_states import StepStates

_PART = 1 << 22  # ratings that are predicted at once
FROZEN, STREAMING = "frozen", "streaming"
PROTOCOLS = (FROZEN, STREAMING)
BOTH = "both"  # the choice of evaluating both protocols
# The splits that models are compared on, the first one that has data, each with its data of users and items unseen in
# training.
WITH_UNSEEN = {Split.TEST: Split.TEST_COLD, Split.VALID: Split.VALID_COLD}


def held_out_split(sequences: RatingSequences | EventSequences) -> Split | None:
    """Returns the split to compare models on: test, or validation if there are no test data; None without either."""
    return next(filter(sequences.has, WITH_UNSEEN), None)


def evaluate(by_protocol: Mapping[str, StepStates]) -> Metrics:
    """Computes RMSE and MAE of every split under each protocol.

    Training ratings have figures of one protocol only, since both observe the same earlier ratings there.

    Args:
      by_protocol: refreshed step states of each protocol, on the same data.

    Returns:
      ``{split: {protocol: {"rmse", "mae", "n"}}}``; splits without ratings are left out.
    """
    metrics: Metrics = {}
    for split in Split:
        for protocol, states in by_protocol.items():
            count = states.sequences.count(split)
            if count and not (split is Split.TRAIN and protocol == STREAMING):
                root, absolute = rmse_and_mae(_predicted(states, split), states.total)
                metrics.setdefault(split.label, {})[protocol] = {"rmse": root, "mae": absolute, "n": count}
    return metrics


def _predicted(states: StepStates, split: Split) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """Yields predictions and ratings of a split, part by part, since a rating takes most while it is predicted."""
    user = states.sequences.user
    for begin in range(0, len(user.rating), _PART):
        positions = begin + np.flatnonzero(user.split[begin : begin + _PART] == split)
        if len(positions):
            yield states.predict(positions), user.rating[positions]
