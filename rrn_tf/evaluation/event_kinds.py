"""Kinds of events: repeats and new items, users of low and high entropy, short and long gaps and histories."""

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
# Seconds since the last event, from the lowest on; -1 stands for none.
GAPS = ((-1, "first event"), (0, "< 1 hour"), (HOUR, "< 1 day"), (DAY, "< 1 week"), (WEEK, "1 week or more"))


class Kinds(NamedTuple):
    """A division of N events.

    Attributes:
      names: of the kinds, in order.
      kind: int64[N], the place of each event's kind among the names.
    """

    names: Sequence[str]
    kind: npt.NDArray[np.int64]


def kinds_of(sequences: EventSequences, positions: Positions) -> dict[str, Kinds]:
    """The divisions by which figures of events are told apart; all is known before the event, but for its item.

    ``item``: whether it is among the user's own earlier events; ``entropy``: thirds of the users that are asked about,
    by the entropy of their training events; ``gap``: time since the user's last event; ``length``: how many earlier
    events the user has.

    Args:
      sequences: training events and later ones.
      positions: int64[N], the events to tell apart.
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
    """Divides by the lowest value of each kind, which rise."""
    lowest = [low for low, _ in bounds]
    return Kinds([name for _, name in bounds], np.searchsorted(lowest, value, "right") - 1)
