"""Long short-term memory (Eqs. 1-4 of the RRN paper)."""

import tf_keras as keras

LAYER = keras.layers.LSTM
