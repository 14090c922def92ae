"""Divides events by whether the item is a repeat, by the user's entropy, by time gap and by length of the history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.event_context import DAY, HOUR, WEEK
from rrn_tf.data.event_scores import Positions, previous_items
from rrn_tf.data.events import EventSequences
from rrn_tf.data.own_items import OwnItems
from rrn_tf.evaluation.event_metrics import entropy_bins, training_entropy
from rrn_tf.features import ACTIVITY_BUCKETS, Split

ENTROPY_BINS = ("low entropy", "middle", "high")
ITEM_KINDS = ("new to the user", "repeat")
NEXT_ITEM_KINDS = ("own last item again", "own earlier item", "new to the user", "never met in training")
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
    place = positions - sequences.user_splits[sequences.user[positions]]
    return {
        "item": Kinds(ITEM_KINDS, OwnItems(sequences).repeated[positions].astype(np.int64)),
        "entropy": entropy_thirds(sequences, positions),
        "gap": gaps_of(sequences, positions),
        "length": _binned(place, ACTIVITY_BUCKETS),
    }


def next_item_kinds(sequences: EventSequences, positions: Positions) -> Kinds:
    """Divides events by where their item comes from (`NEXT_ITEM_KINDS`).

    An item of the user's own earlier events is the last one again or an earlier one; any other item is new to the user,
    and either known from other users' training events or never met in training.

    Args:
      sequences: training events and later ones.
      positions: int64[N], indices of the events to divide.
    """
    item = sequences.item[positions]
    known = np.zeros(sequences.num_items + 1, np.bool_)
    known[sequences.item[sequences.split == Split.TRAIN]] = True
    again = previous_items(sequences, positions) == item
    own = OwnItems(sequences).repeated[positions]
    return Kinds(NEXT_ITEM_KINDS, np.select([again, own, known[item]], [0, 1, 2], 3).astype(np.int64))


def gaps_of(sequences: EventSequences, positions: Positions) -> Kinds:
    """Divides events by the time since their user's last event (`GAPS`).

    Args:
      sequences: training events and later ones.
      positions: int64[N], indices of the events to divide.
    """
    first = positions == sequences.user_splits[sequences.user[positions]]
    gap = np.maximum(sequences.timestamp[positions] - sequences.timestamp[np.maximum(positions - 1, 0)], 0)
    return _binned(np.where(first, -1, gap), GAPS)


def entropy_thirds(sequences: EventSequences, positions: Positions) -> Kinds:
    """Divides events by their user's third (`ENTROPY_BINS`), by the entropy of the training events of their users.

    Args:
      sequences: training events and later ones.
      positions: int64[N], indices of the events to divide.
    """
    users, row = np.unique(sequences.user[positions], return_inverse=True)
    return Kinds(ENTROPY_BINS, entropy_bins(training_entropy(sequences)[users], len(ENTROPY_BINS))[row])


def _binned(value: npt.NDArray[np.int64], bounds: Sequence[tuple[int, str]]) -> Kinds:
    """Divides values into bins, given the lowest value and name of each bin in ascending order."""
    lowest = [low for low, _ in bounds]
    return Kinds([name for _, name in bounds], np.searchsorted(lowest, value, "right") - 1)
