"""Causal encoders of a user's sequence of items: a GRU, or self-attention."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf
import tf_keras as keras


def recurrent_encoder(width: int, steps: int, dropout: float) -> keras.Model:
    """Builds the encoder of GRU4Rec, which is one GRU.

    Args:
      width: dimension d of inputs, states and outputs.
      steps: ignored, since a GRU reads any number of steps.
      dropout: dropout rate of the states.

    Returns:
      A model from float[B, T, d] to float[B, T, d]; the output of a step depends on that step and the earlier ones.

    Reference:
      Hidasi and Karatzoglou, Recurrent Neural Networks with Top-k Gains for Session-based Recommendations, CIKM 2018.
    """
    inputs = keras.Input([None, width])
    states = keras.layers.GRU(width, return_sequences=True)(inputs)
    return keras.Model(inputs, keras.layers.Dense(width)(keras.layers.Dropout(dropout)(states)))


def attention_encoder(width: int, steps: int, dropout: float, blocks: int = 2, heads: int = 2) -> keras.Model:
    """Builds the encoder of SASRec: causal self-attention and two dense layers, with residual connections, stacked.

    Args:
      width, dropout: as in `recurrent_encoder`, and so is the model that is returned.
      steps: the most time steps of a sequence; each position has an embedding.
      blocks: number of stacked pairs of attention and dense layers.
      heads: number of attention heads.

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
    """Scales the inputs by the root of their width and adds the embedding of each position."""

    def __init__(self, steps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._steps = steps

    def build(self, input_shape: Any) -> None:
        self.table = self.add_weight("table", [self._steps, input_shape[-1]], initializer="uniform")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return math.sqrt(inputs.shape[-1]) * inputs + self.table[: tf.shape(inputs)[1]]
