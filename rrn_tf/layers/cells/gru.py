"""The gated recurrent unit."""

import tf_keras as keras

from rrn_tf.layers.fused import FusedOnGPU


class GRU(FusedOnGPU, keras.layers.GRU):
    """Keras' GRU, whose variant for GPUs is traced only where one may run it."""


LAYER = GRU
