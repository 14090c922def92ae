"""The registry of baselines for ratings, in the order of the leaderboard."""

from __future__ import annotations

from rrn_tf.baselines.ratings.autorec import AutoRec
from rrn_tf.baselines.ratings.bayesian_factors import BayesianFactors, OnlineBayesianFactors
from rrn_tf.baselines.ratings.bias import GlobalMean, UserItemBias
from rrn_tf.baselines.ratings.online_bias import OnlineBias
from rrn_tf.baselines.ratings.online_factors import OnlineFactors
from rrn_tf.baselines.ratings.pmf import PMF
from rrn_tf.baselines.ratings.protocol import Baseline, OnlineBaseline
from rrn_tf.baselines.ratings.timesvdpp import TimeSVDpp
from rrn_tf.features import SIDES


def standard_baselines(seed: int = 0) -> list[Baseline]:
    """Creates the unfitted baselines in the order of the leaderboard; a new baseline is added here."""
    pmf = (PMF(centre=centre, seed=seed) for centre in (False, True))
    autorec = (AutoRec(side, seed=seed) for side in SIDES[::-1])
    return [GlobalMean(), UserItemBias(), *pmf, TimeSVDpp(seed=seed), BayesianFactors(seed=seed), *autorec]


def standard_online_baselines(seed: int = 0) -> list[OnlineBaseline]:
    """Creates the unfitted baselines of the streaming protocol; a new baseline is added here."""
    return [OnlineBias(), OnlineFactors(seed=seed), OnlineBayesianFactors(seed=seed)]
