"""The registry of baselines for ratings: what the modules of this folder name."""

from __future__ import annotations

from rrn_tf.baselines import ratings
from rrn_tf.baselines.discovery import fresh_baselines
from rrn_tf.baselines.ratings.protocol import Baseline, OnlineBaseline


def standard_baselines(seed: int = 0, everything: bool = True) -> list[Baseline]:
    """Creates the unfitted baselines of the frozen protocol, of every module here with a function `standard(seed)`.

    Args:
      seed: seed of those that use random numbers.
      everything: whether to include those of the modules' `slow(seed)`, which take most of the time.
    """
    slow = fresh_baselines(ratings, "slow", seed) if everything else []
    return [*fresh_baselines(ratings, "standard", seed), *slow]


def standard_online_baselines(seed: int = 0) -> list[OnlineBaseline]:
    """Creates the unfitted streaming baselines, of every module here with a function `standard_online(seed)`."""
    return fresh_baselines(ratings, "standard_online", seed)
