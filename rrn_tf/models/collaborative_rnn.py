"""The Collaborative RNN: a recurrent network with matrices of each user's own, and one softmax over all items."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers import CollaborativeGRUCell, CollaborativeSimpleRNNCell, ItemSoftmax, StationaryFactors
from rrn_tf.layers.collaborative import PERSONAL, SHARED

GRU, RNN = "gru", "rnn"
PRECISIONS = {"float32": None, "bfloat16": "mixed_bfloat16"}


@keras.saving.register_keras_serializable("rrn_tf")
class CollaborativeRNN(keras.Model):
    """Collaborative Recurrent Neural Network.

    Args:
      num_users, num_items: users and items with training events; indices run from 1, and 0 is padding.
      cell: ``"gru"`` or ``"rnn"`` (C-tanh).
      units: width of the states.
      activation: of the GRU's candidate state, ``"sigmoid"`` or ``"tanh"``.
      matrices: ``"personal"`` for recurrent matrices of each user's own, ``"shared"`` for one set for all users.
      precision: of the softmax's products, ``"float32"`` or ``"bfloat16"``.
      stationary: number of stationary factors of each user, inputs of the softmax beside the state (not in the paper).

    Call arguments as one tuple:
      user: int[B].
      item: int[B, T], items in order of time, padded on the right.
      target: int[B, T], the item after each; 0 where no log-likelihood is wanted.

    Returns:
      float[B, T], the log-likelihood of each target in nats; 0 where the target is 0.

    Keras's `compile` and `fit` train it on whole sequences, with a loss that reads the log-likelihoods alone, as in the
    example. `rrn_tf.CollaborativeRecommender` and `rrn_tf.training.truncated_bptt.train` train it as the paper does, in
    chunks of steps between which the state is carried on, and choose the best epoch on validation.

    Example:
      >>> model = CollaborativeRNN(num_users=2, num_items=5, units=4, stationary=1)
      >>> model.compile("adam", loss=lambda target, found: -tf.reduce_mean(found))
      >>> user, item = tf.constant([1, 2]), tf.constant([[3, 1, 5], [4, 2, 0]])
      >>> target = tf.constant([[1, 5, 2], [2, 0, 0]])
      >>> history = model.fit((user, item, target), target, epochs=2, verbose=0)
      >>> model((user, item, target)).shape.as_list()
      [2, 3]

    Reference:
      Ko, Maystre and Grossglauser, Collaborative Recurrent Neural Networks for Dynamic Recommender Systems, ACML 2016.
    """

    def __init__(
        self,
        num_users: int,
        num_items: int,
        cell: str = GRU,
        units: int = 32,
        activation: str = "sigmoid",
        matrices: str = PERSONAL,
        precision: str = "float32",
        stationary: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value, known in (
            ("cell", cell, (GRU, RNN)),
            ("matrices", matrices, (SHARED, PERSONAL)),
            ("precision", precision, tuple(PRECISIONS)),
        ):
            if value not in known:
                raise ValueError(f"{name} should be one of {known}, received {value!r}")
        settings = {
            "num_users": num_users,
            "num_items": num_items,
            "cell": cell,
            "units": units,
            "activation": activation,
            "matrices": matrices,
            "precision": precision,
            "stationary": stationary,
        }
        # Read-only, and so a plain mapping: TensorFlow would wrap a dict in one that is not JSON.
        self.settings = MappingProxyType(settings)
        common = {"matrices": matrices, "name": "cell", "dtype": self.dtype_policy}
        if cell == GRU:
            self.cell = CollaborativeGRUCell(num_users, num_items, units, activation, **common)
        else:
            self.cell = CollaborativeSimpleRNNCell(num_users, num_items, units, **common)
        softmax_dtype = PRECISIONS[precision] or self.dtype_policy
        self.softmax = ItemSoftmax(num_items, units + stationary, name="softmax", dtype=softmax_dtype)
        self.stationary = StationaryFactors(num_users, stationary, name="stationary", dtype=self.dtype_policy)
        for layer in (self.cell, self.softmax, self.stationary):
            with tf.name_scope(layer.name):
                layer.build(None)
        self.built = True

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor]) -> tf.Tensor:
        user, item, target = inputs
        states = self.beside(self.cell((user, item)), self.stationary(user))
        found = self.softmax((states, tf.reshape(target, [-1])))
        return tf.cast(tf.reshape(found, tf.shape(target)), self.compute_dtype)

    # Nothing here needs AutoGraph, which takes seconds to convert Keras's own code.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)

    def embed(self, item: tf.Tensor) -> list[tf.Tensor]:
        """Computes the cell's inputs for items int[...]: float[..., width] per block."""
        return self.cell.embed(item)

    def scored(self, states: tf.Tensor, user: tf.Tensor, target: tf.Tensor, context: Any = None) -> tf.Tensor:
        """Computes log-likelihoods float32[B, T] of targets int[B, T] from states float[B, T, units]; 0 at target 0.

        Args:
          states: the state after each step.
          user: int[B].
          target: the items that come next.
          context: ignored; a mixture predicts from it as well.
        """
        found = self.softmax.log_likelihood(self.beside(states, self.stationary(user)), tf.reshape(target, [-1]))
        return tf.reshape(found, tf.shape(target))

    def beside(self, states: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
        """Joins states float[B, T, units] and factors float[B, k] as inputs of the softmax: float[B * T, units + k]."""
        if factors.shape[-1]:
            wide = tf.repeat(factors[:, tf.newaxis], tf.shape(states)[1], axis=1)
            states = tf.concat([states, tf.cast(wide, states.dtype)], axis=-1)
        return tf.reshape(states, [-1, self.softmax.units])

    def get_config(self) -> dict[str, Any]:
        # The configuration of a Keras model is empty; a layer's holds name and dtype.
        return {**keras.layers.Layer.get_config(self), **self.settings}
