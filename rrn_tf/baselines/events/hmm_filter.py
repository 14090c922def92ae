"""The state that a hidden Markov model expects next, for any events of many users at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.event_scores import Positions
from rrn_tf.data.events import EventSequences

FloatArray = npt.NDArray[np.float32]


class HMMParameters(NamedTuple):
    """Probabilities of S states and M items.

    Attributes:
      start: float32[S], of the first state.
      transitions: float32[S, S], row: from, column: to.
      emissions: float32[S, M], all above zero.
    """

    start: FloatArray
    transitions: FloatArray
    emissions: FloatArray


def predicted_states(parameters: HMMParameters, sequences: EventSequences, positions: Positions) -> FloatArray:
    """The distribution of the hidden state at each event, given the earlier events of its user.

    The forward recursion runs over the time steps of all users together, the longest first, so that the users who
    still have events are a prefix: as many steps as the longest history is long.

    Args:
      parameters: of the model.
      sequences: the events.
      positions: int64[N], in any order.

    Returns:
      float32[N, S]; rows add up to one.

    Reference:
      Rabiner, A Tutorial on Hidden Markov Models, 1989, Eqs. 19 to 21 with scaling.
    """
    user = sequences.user[positions]
    step = positions - sequences.user_splits[user]
    last = np.full(len(sequences.user_splits) - 1, -1)
    np.maximum.at(last, user, step)
    order = np.argsort(-last, kind="stable")[: np.count_nonzero(last >= 0)]
    begin = sequences.user_splits[order]
    row = np.empty(len(last), np.int64)
    row[order] = np.arange(len(order))
    steps = np.arange(last.max(initial=-1) + 2)
    # Of each step: how many users are asked something then or later, and which questions are asked.
    running = len(order) - np.searchsorted(last[order][::-1], steps)
    by_step = np.argsort(step, kind="stable")
    asked = np.split(by_step, np.searchsorted(step[by_step], steps[1:]))

    found = np.empty((len(positions), len(parameters.start)), np.float32)
    of_item = np.ascontiguousarray(parameters.emissions.T)
    state = np.tile(parameters.start, (len(order), 1))
    for at, left in enumerate(running[1:]):
        found[asked[at]] = state[row[user[asked[at]]]]
        seen = state[:left] * of_item[sequences.item[begin[:left] + at] - 1]
        seen /= seen.sum(axis=1, keepdims=True)
        state = seen @ parameters.transitions
    return found
