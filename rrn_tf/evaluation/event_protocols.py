"""The two ways of scoring held-out events.

*Clean*: every held-out event is scored, given all earlier events of its user. *Interleaved*, the authors' own: the
first held-out event of each user is not scored, because their program starts its validation sequences there. In both
the earlier held-out events are known and nothing is refitted. Figures of one are never compared with figures of the
other.
"""

from __future__ import annotations

import numpy as np

from rrn_tf.data.event_scores import Positions, positions_of
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split

CLEAN, INTERLEAVED = "clean", "interleaved"
EVENT_PROTOCOLS = (CLEAN, INTERLEAVED)


def scored_positions(sequences: EventSequences, split: Split, protocol: str = CLEAN) -> Positions:
    """Positions of the events that a protocol scores, ascending: int64[N].

    Args:
      sequences: the events.
      split: the held-out ones to score; interleaved leaves out each user's first of this split.
      protocol: ``clean`` or ``interleaved``.

    Raises:
      ValueError: for another protocol.
    """
    if protocol not in EVENT_PROTOCOLS:
        raise ValueError(f"the protocol should be one of {', '.join(EVENT_PROTOCOLS)}, received {protocol!r}")
    positions = positions_of(sequences, [split])
    if protocol == CLEAN:
        return positions
    user = sequences.user[positions]
    return positions[np.flatnonzero(np.diff(user, prepend=-1) == 0)]
