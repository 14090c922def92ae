"""The equations as Keras layers, one public class per file; this package imports TensorFlow and Keras alone."""

from rrn_tf.layers.collaborative import CollaborativeGRUCell, CollaborativeSimpleRNNCell
from rrn_tf.layers.ensemble import EnsembleDense, EnsembleLSTMCell
from rrn_tf.layers.history_attention import HistoryAttention
from rrn_tf.layers.history_copy import HistoryCopy
from rrn_tf.layers.innovation_encoder import InnovationEncoder
from rrn_tf.layers.item_softmax import ItemSoftmax
from rrn_tf.layers.mixture_gate import MixtureGate
from rrn_tf.layers.rating_emission import RatingEmission
from rrn_tf.layers.state_tower import StateTower
from rrn_tf.layers.stationary import StationaryFactors
from rrn_tf.layers.step_context import StepContext
from rrn_tf.layers.step_encoder import StepEncoder

__all__ = [
    "CollaborativeGRUCell",
    "CollaborativeSimpleRNNCell",
    "EnsembleDense",
    "EnsembleLSTMCell",
    "HistoryAttention",
    "HistoryCopy",
    "InnovationEncoder",
    "ItemSoftmax",
    "MixtureGate",
    "RatingEmission",
    "StateTower",
    "StationaryFactors",
    "StepContext",
    "StepEncoder",
]
