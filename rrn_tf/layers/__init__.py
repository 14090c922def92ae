"""The maths as Keras layers, one public class a file. Imports TensorFlow and Keras alone."""

from rrn_tf.layers.rating_emission import RatingEmission
from rrn_tf.layers.state_tower import StateTower
from rrn_tf.layers.stationary import StationaryFactors
from rrn_tf.layers.step_encoder import StepEncoder

__all__ = ["RatingEmission", "StateTower", "StationaryFactors", "StepEncoder"]
