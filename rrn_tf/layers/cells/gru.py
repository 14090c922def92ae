"""The gated recurrent unit."""

import tf_keras as keras

from rrn_tf.layers.fused import FusedOnGPU


class GRU(FusedOnGPU, keras.layers.GRU):
    """Keras' layer."""


LAYER = GRU
