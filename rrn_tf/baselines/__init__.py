"""Rating predictors to beat: one fit/predict protocol."""

from __future__ import annotations

from rrn_tf.baselines.autorec import AutoRec, AutoRecOptions
from rrn_tf.baselines.bias import GlobalMean, UserItemBias
from rrn_tf.baselines.pmf import PMF, PMFOptions, fit_pmf
from rrn_tf.baselines.protocol import Baseline
from rrn_tf.features import SIDES

__all__ = [
    "PMF",
    "AutoRec",
    "AutoRecOptions",
    "Baseline",
    "GlobalMean",
    "PMFOptions",
    "UserItemBias",
    "fit_pmf",
    "standard_baselines",
]


def standard_baselines(seed: int = 0) -> list[Baseline]:
    """Fresh, unfitted baselines in the order of the leaderboard; a new baseline is added here."""
    return [GlobalMean(), UserItemBias(), PMF(seed=seed), *(AutoRec(side, seed=seed) for side in SIDES[::-1])]
