"""The registry of baselines for events: what the modules of this folder name."""

from __future__ import annotations

from rrn_tf.baselines import events
from rrn_tf.baselines.discovery import fresh_baselines
from rrn_tf.baselines.events.protocol import EventBaseline


def standard_event_baselines(seed: int = 0, everything: bool = False) -> list[EventBaseline]:
    """Creates the unfitted baselines of every module of this folder that has a function `standard(seed)`.

    Args:
      seed: seed of those that use random numbers.
      everything: whether to include those of the modules' `slow(seed)`: matrix factorisation and the hidden Markov
        model, which take most of the time, predict poorly, and need the extra ``baselines``.
    """
    slow = fresh_baselines(events, "slow", seed) if everything else []
    return [*slow, *fresh_baselines(events, "standard", seed)]
