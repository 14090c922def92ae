"""What reads a user's items from left to right: a GRU, or self-attention."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf
import tf_keras as keras


def recurrent_encoder(width: int, steps: int, dropout: float) -> keras.Model:
    """GRU4Rec's: one GRU.

    Args:
      width: d, of inputs, states and outputs.
      steps: not needed: a GRU reads any number of them.
      dropout: share of the states that is left out in training.

    Returns:
      A model from float[B, T, d] to float[B, T, d]; the output of a step knows that step and the ones before.

    Reference:
      Hidasi and Karatzoglou, Recurrent Neural Networks with Top-k Gains for Session-based Recommendations, CIKM 2018.
    """
    inputs = keras.Input([None, width])
    states = keras.layers.GRU(width, return_sequences=True)(inputs)
    return keras.Model(inputs, keras.layers.Dense(width)(keras.layers.Dropout(dropout)(states)))


def attention_encoder(width: int, steps: int, dropout: float, blocks: int = 2, heads: int = 2) -> keras.Model:
    """SASRec's: blocks of causal self-attention and a network of two layers, each added to what comes in.

    Args:
      width, dropout: as those of `recurrent_encoder`, which says what is returned, too.
      steps: the most that are read; each place has a vector of its own.
      blocks: how many.
      heads: of attention.

    Reference:
      Kang and McAuley, Self-Attentive Sequential Recommendation, ICDM 2018.
    """
    layers = keras.layers
    inputs = keras.Input([None, width])
    h = layers.Dropout(dropout)(_Places(steps)(inputs))
    for _ in range(blocks):
        known = layers.LayerNormalization()(h)
        attention = layers.MultiHeadAttention(heads, width // heads, dropout=dropout)
        h += layers.Dropout(dropout)(attention(known, known, use_causal_mask=True))
        inner = layers.Dense(width, activation="relu")(layers.LayerNormalization()(h))
        h += layers.Dropout(dropout)(layers.Dense(width)(inner))
    return keras.Model(inputs, layers.LayerNormalization()(h))


class _Places(keras.layers.Layer):
    """Adds to each step, scaled by the root of its width, the vector of its place."""

    def __init__(self, steps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._steps = steps

    def build(self, input_shape: Any) -> None:
        self.table = self.add_weight("table", [self._steps, input_shape[-1]], initializer="uniform")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return math.sqrt(inputs.shape[-1]) * inputs + self.table[: tf.shape(inputs)[1]]
