"""The two protocols for scoring held-out events.

*Clean*: every held-out event is scored, given all earlier events of its user. *Interleaved*, the protocol of the
paper's authors: the first held-out event of each user is not scored, because their program starts its validation
sequences there. In both, earlier held-out events are known and nothing is refitted. Figures of the two protocols are
never compared.
"""

from __future__ import annotations

import numpy as np

from rrn_tf.data.event_scores import Positions, positions_of
from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split

CLEAN, INTERLEAVED = "clean", "interleaved"
EVENT_PROTOCOLS = (CLEAN, INTERLEAVED)


def scored_positions(sequences: EventSequences, split: Split, protocol: str = CLEAN) -> Positions:
    """Returns the positions of the events that a protocol scores, ascending: int64[N].

    Args:
      sequences: the events.
      split: the held-out split to score; interleaved leaves out each user's first event of this split.
      protocol: ``clean`` or ``interleaved``.

    Raises:
      ValueError: for an unknown protocol.
    """
    if protocol not in EVENT_PROTOCOLS:
        raise ValueError(f"the protocol should be one of {', '.join(EVENT_PROTOCOLS)}, received {protocol!r}")
    positions = positions_of(sequences, [split])
    if protocol == CLEAN:
        return positions
    user = sequences.user[positions]
    return positions[np.flatnonzero(np.diff(user, prepend=-1) == 0)]
