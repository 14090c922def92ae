"""Rating predictors to beat: one fit/predict protocol, and one of streaming."""

from __future__ import annotations

from rrn_tf.baselines.autorec import AutoRec, AutoRecOptions
from rrn_tf.baselines.bayesian_factors import BayesianFactors, BayesianFactorsOptions, OnlineBayesianFactors
from rrn_tf.baselines.bias import GlobalMean, UserItemBias
from rrn_tf.baselines.online_bias import OnlineBias, OnlineBiasOptions
from rrn_tf.baselines.online_factors import OnlineFactors, OnlineFactorsOptions
from rrn_tf.baselines.pmf import PMF, PMFOptions, fit_pmf
from rrn_tf.baselines.protocol import Baseline, OnlineBaseline
from rrn_tf.baselines.timesvdpp import TimeSVDpp, TimeSVDppOptions
from rrn_tf.features import SIDES

__all__ = [
    "PMF",
    "AutoRec",
    "AutoRecOptions",
    "Baseline",
    "BayesianFactors",
    "BayesianFactorsOptions",
    "GlobalMean",
    "OnlineBaseline",
    "OnlineBayesianFactors",
    "OnlineBias",
    "OnlineBiasOptions",
    "OnlineFactors",
    "OnlineFactorsOptions",
    "PMFOptions",
    "TimeSVDpp",
    "TimeSVDppOptions",
    "UserItemBias",
    "fit_pmf",
    "standard_baselines",
    "standard_online_baselines",
]


def standard_baselines(seed: int = 0) -> list[Baseline]:
    """Fresh, unfitted baselines in the order of the leaderboard; a new baseline is added here."""
    pmf = (PMF(centre=centre, seed=seed) for centre in (False, True))
    autorec = (AutoRec(side, seed=seed) for side in SIDES[::-1])
    return [GlobalMean(), UserItemBias(), *pmf, TimeSVDpp(seed=seed), BayesianFactors(seed=seed), *autorec]


def standard_online_baselines(seed: int = 0) -> list[OnlineBaseline]:
    """The same of the streaming protocol."""
    return [OnlineBias(), OnlineFactors(seed=seed), OnlineBayesianFactors(seed=seed)]
