"""Bayesian factors of users and items that know whom an entity has met: fitted once, then moved by every rating."""

from rrn_tf.factors.beliefs import Beliefs, FactorScale
from rrn_tf.factors.filter import FactorFilter
from rrn_tf.factors.fit import FittedFactors, fit_factors

__all__ = ["Beliefs", "FactorFilter", "FactorScale", "FittedFactors", "fit_factors"]
