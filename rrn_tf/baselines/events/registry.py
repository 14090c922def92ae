"""The leaderboard's baselines of events: what the modules of this folder name."""

from __future__ import annotations

from rrn_tf.baselines import events
from rrn_tf.baselines.discovery import fresh_baselines
from rrn_tf.baselines.events.protocol import EventBaseline


def standard_event_baselines(seed: int = 0, everything: bool = False) -> list[EventBaseline]:
    """Unfitted baselines of events: of every module here with a function `standard(seed)`.

    Args:
      seed: of those that draw random numbers.
      everything: whether those of the modules' `slow(seed)` are among them: matrix factorisation and the hidden Markov
        model, which take most of the time, foresee little, and need the extra ``baselines``.
    """
    slow = fresh_baselines(events, "slow", seed) if everything else []
    return [*slow, *fresh_baselines(events, "standard", seed)]
