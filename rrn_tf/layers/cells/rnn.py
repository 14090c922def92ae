"""The simple recurrent network: one tanh layer."""

import tf_keras as keras

LAYER = keras.layers.SimpleRNN
