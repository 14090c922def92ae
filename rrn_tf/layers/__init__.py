"""The maths as Keras layers, one public class a file. Imports TensorFlow and Keras alone."""

from rrn_tf.layers.innovation_encoder import InnovationEncoder
from rrn_tf.layers.rating_emission import RatingEmission
from rrn_tf.layers.state_tower import StateTower
from rrn_tf.layers.stationary import StationaryFactors
from rrn_tf.layers.step_context import StepContext
from rrn_tf.layers.step_encoder import StepEncoder

__all__ = ["InnovationEncoder", "RatingEmission", "StateTower", "StationaryFactors", "StepContext", "StepEncoder"]
