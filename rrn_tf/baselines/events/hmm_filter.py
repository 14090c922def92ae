"""The predictive distribution of a hidden Markov model's state at given events, for many users at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.event_scores import Positions
from rrn_tf.data.events import EventSequences

FloatArray = npt.NDArray[np.float32]


class HMMParameters(NamedTuple):
    """Probabilities of a hidden Markov model with S states and M items.

    Attributes:
      start: float32[S], probability of each state at the first event.
      transitions: float32[S, S], probability of the state of the column after the state of the row.
      emissions: float32[S, M], probability of each item in each state, all above zero.
    """

    start: FloatArray
    transitions: FloatArray
    emissions: FloatArray


def predicted_states(parameters: HMMParameters, sequences: EventSequences, positions: Positions) -> FloatArray:
    """Computes the distribution of the hidden state at each event, given the earlier events of its user.

    The forward recursion runs over the time steps of all users together, users with the most events first, so that
    the users who still have events are a prefix. It takes as many steps as the longest sequence has.

    Args:
      parameters: probabilities of the model.
      sequences: the events.
      positions: int64[N], indices of the events in `sequences.item`, in any order.

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
    # For each step: how many users have a position at that step or later, and which positions are at that step.
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
