"""Long short-term memory (Eqs. 1-4 of the RRN paper)."""

import tf_keras as keras

from rrn_tf.layers.fused import FusedOnGPU


class LSTM(FusedOnGPU, keras.layers.LSTM):
    """Keras' LSTM, whose variant for GPUs is traced only where one may run it."""


LAYER = LSTM
