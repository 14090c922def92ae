"""The gated recurrent unit."""

import tf_keras as keras

LAYER = keras.layers.GRU
