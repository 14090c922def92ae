"""Bayesian factors of users and items that depend on the entities met: fitted once, then updated by every rating."""

from rrn_tf.factors.beliefs import Beliefs, FactorScale
from rrn_tf.factors.filter import FactorFilter
from rrn_tf.factors.fit import FittedFactors, fit_factors

__all__ = ["Beliefs", "FactorFilter", "FactorScale", "FittedFactors", "fit_factors"]
