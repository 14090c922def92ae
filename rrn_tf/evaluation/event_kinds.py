"""Divides events by whether the item is a repeat, by the user's entropy, by time gap and by length of the history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.event_context import DAY, HOUR, WEEK
from rrn_tf.data.event_scores import Positions
from rrn_tf.data.events import EventSequences
from rrn_tf.data.own_items import OwnItems
from rrn_tf.evaluation.event_metrics import entropy_bins, training_entropy
from rrn_tf.features import ACTIVITY_BUCKETS

ENTROPY_BINS = ("low entropy", "middle", "high")
ITEM_KINDS = ("new to the user", "repeat")
# Lowest value of each bin, in seconds since the user's last event; -1 means that there is none.
GAPS = ((-1, "first event"), (0, "< 1 hour"), (HOUR, "< 1 day"), (DAY, "< 1 week"), (WEEK, "1 week or more"))


class Kinds(NamedTuple):
    """A division of N events into kinds.

    Attributes:
      names: names of the kinds, in order.
      kind: int64[N], index of each event's kind in the names.
    """

    names: Sequence[str]
    kind: npt.NDArray[np.int64]


def kinds_of(sequences: EventSequences, positions: Positions) -> dict[str, Kinds]:
    """Divides events in four ways; all but ``item`` depend only on what is known before the event.

    ``item``: whether the item is among the user's earlier events; ``entropy``: thirds of the users of these events, by
    the entropy of their training events; ``gap``: time since the user's last event; ``length``: number of the user's
    earlier events.

    Args:
      sequences: training events and later ones.
      positions: int64[N], indices of the events to divide.
    """
    user = sequences.user[positions]
    users, row = np.unique(user, return_inverse=True)
    place = positions - sequences.user_splits[user]
    gap = np.maximum(sequences.timestamp[positions] - sequences.timestamp[np.maximum(positions - 1, 0)], 0)
    return {
        "item": Kinds(ITEM_KINDS, OwnItems(sequences).repeated[positions].astype(np.int64)),
        "entropy": Kinds(ENTROPY_BINS, entropy_bins(training_entropy(sequences)[users], len(ENTROPY_BINS))[row]),
        "gap": _binned(np.where(place > 0, gap, -1), GAPS),
        "length": _binned(place, ACTIVITY_BUCKETS),
    }


def _binned(value: npt.NDArray[np.int64], bounds: Sequence[tuple[int, str]]) -> Kinds:
    """Divides values into bins, given the lowest value and name of each bin in ascending order."""
    lowest = [low for low, _ in bounds]
    return Kinds([name for _, name in bounds], np.searchsorted(lowest, value, "right") - 1)
