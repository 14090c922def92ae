"""Recommenders that work on data frames, with the same defaults, files and figures as the command line."""

from rrn_tf.recommenders.events import CollaborativeRecommender
from rrn_tf.recommenders.loading import load
from rrn_tf.recommenders.ratings import RRNRecommender

__all__ = ["CollaborativeRecommender", "RRNRecommender", "load"]
