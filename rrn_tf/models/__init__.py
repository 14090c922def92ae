"""Keras models built from the layers."""

from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.models.rrn import RRN

__all__ = ["RRN", "CollaborativeRNN"]
