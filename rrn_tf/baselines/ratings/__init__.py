"""Baselines that predict ratings: one protocol for fitting and predicting, and one for streaming."""

from __future__ import annotations

from rrn_tf.baselines.ratings.autorec import AutoRec, AutoRecOptions
from rrn_tf.baselines.ratings.bayesian_factors import BayesianFactors, BayesianFactorsOptions, OnlineBayesianFactors
from rrn_tf.baselines.ratings.bias import GlobalMean, UserItemBias
from rrn_tf.baselines.ratings.online_bias import OnlineBias, OnlineBiasOptions
from rrn_tf.baselines.ratings.online_factors import OnlineFactors, OnlineFactorsOptions
from rrn_tf.baselines.ratings.pmf import PMF, PMFOptions, fit_pmf
from rrn_tf.baselines.ratings.protocol import Baseline, OnlineBaseline
from rrn_tf.baselines.ratings.registry import standard_baselines, standard_online_baselines
from rrn_tf.baselines.ratings.timesvdpp import TimeSVDpp, TimeSVDppOptions

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
