"""Recommenders for Python: data frames in and out, and the defaults, files and figures of the command line."""

from rrn_tf.recommenders.events import CollaborativeRecommender
from rrn_tf.recommenders.loading import load
from rrn_tf.recommenders.ratings import RRNRecommender

__all__ = ["CollaborativeRecommender", "RRNRecommender", "load"]
