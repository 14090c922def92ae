"""Recurrent cells whose recurrent matrices belong to the user, while the items' embeddings are shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers.rows import gathered
from rrn_tf.layers.unrolling import times, unrolled

ACTIVATIONS = {"sigmoid": tf.sigmoid, "tanh": tf.tanh}


class CollaborativeCell(keras.layers.Layer):
    """What the collaborative cells share: their tables, and the way along a sequence.

    A cell names its `blocks`: the width of each recurrent matrix, and of the item embedding added to it, in units.
    `recurrent` and `embedding` hold a variable a block. Row 0 of each table stands for padding and for whoever is
    unknown.
    """

    blocks: dict[str, int]

    def __init__(self, num_users: int, num_items: int, units: int, pooled: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name, value, least in (("num_users", num_users, 0), ("num_items", num_items, 0), ("units", units, 1)):
            if value < least:
                raise ValueError(f"{name} should be >= {least}, received {value}")
        self.num_users = num_users
        self.num_items = num_items
        self.units = units
        self.pooled = pooled

    def build(self, input_shape: Any) -> None:
        users = () if self.pooled else (self.num_users + 1,)
        self.recurrent = [
            self._table(f"recurrent_{name}", (*users, self.units, width * self.units))
            for name, width in self.blocks.items()
        ]
        self.embedding = [
            self._table(f"embedding_{name}", (self.num_items + 1, width * self.units))
            for name, width in self.blocks.items()
        ]
        super().build(input_shape)

    def matrices(self, user: tf.Tensor) -> list[tf.Tensor]:
        """Recurrent matrices of users int[B]: float[B, units, width] a block, or float[units, width] if pooled."""
        return [tf.convert_to_tensor(u) if self.pooled else gathered(u, user) for u in self.recurrent]

    def embed(self, item: tf.Tensor) -> list[tf.Tensor]:
        """Embeddings of items int[...]: float[..., width] a block."""
        return [gathered(e, item) for e in self.embedding]

    def transition(self, embedded: Sequence[tf.Tensor], state: tf.Tensor, matrices: Sequence[tf.Tensor]) -> tf.Tensor:
        """The cell's equations.

        Args:
          embedded: float[B, width] a block, of the items that are met.
          state: float[B, units].
          matrices: as `matrices` gives them.

        Returns:
          float[B, units], the state after it.
        """
        raise NotImplementedError

    def multiplied(
        self, embedded: Sequence[tf.Tensor], state: tf.Tensor, matrices: Sequence[tf.Tensor]
    ) -> list[tf.Tensor]:
        """What `transition` multiplies each recurrent matrix with: float[B, units] a block."""
        raise NotImplementedError

    def unroll(
        self, embedded: Sequence[tf.Tensor], state: tf.Tensor, matrices: Sequence[tf.Tensor], mask: tf.Tensor
    ) -> tf.Tensor:
        """States along sequences of embedded items.

        Args:
          embedded: float[B, T, width] a block. What stands in the padding, NaN included, matters nowhere.
          state: float[B, units], from which they start.
          matrices: as `matrices` gives them.
          mask: bool[B, T], True at real steps; at others the state stays.

        Returns:
          float[B, T, units].
        """
        real = tf.transpose(mask)[:, :, tf.newaxis]
        # Zero times NaN is NaN in the gradient, so the padding is cleared before the step, not only after it.
        steps = [tf.where(real, tf.transpose(e, [1, 0, 2]), tf.zeros([], e.dtype)) for e in embedded]
        states = unrolled(self, self._cast(steps), tf.cast(state, self.compute_dtype), self._cast(matrices), real)
        return tf.transpose(states, [1, 0, 2])

    def call(
        self,
        inputs: tuple[tf.Tensor, tf.Tensor],
        mask: tf.Tensor | None = None,
        initial_state: tf.Tensor | None = None,
    ) -> tf.Tensor:
        user, item = inputs
        state = self.initial_state(tf.shape(user)[0]) if initial_state is None else initial_state
        return self.unroll(self.embed(item), state, self.matrices(user), item > 0 if mask is None else mask)

    def step(self, user: tf.Tensor, item: tf.Tensor, state: tf.Tensor) -> tf.Tensor:
        """One step: int[B] users who meet int[B] items in float[B, units] states; the states after it."""
        if not self.built:
            self.build(None)
        state = tf.cast(state, self.compute_dtype)
        return self.transition(self._cast(self.embed(item)), state, self._cast(self.matrices(user)))

    def initial_state(self, batch_size: int | tf.Tensor) -> tf.Tensor:
        """The state before the first step: float[batch_size, units] zeros."""
        return tf.zeros([batch_size, self.units], self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        sizes = {"num_users": self.num_users, "num_items": self.num_items, "units": self.units, "pooled": self.pooled}
        return {**super().get_config(), **sizes}

    def _table(self, name: str, shape: tuple[int, ...]) -> tf.Variable:
        # An initializer of its own: one that is used twice gives the same numbers twice.
        return self.add_weight(name, shape, initializer=keras.initializers.RandomNormal(stddev=self.units**-0.5))

    def _cast(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        return [tf.cast(tensor, self.compute_dtype) for tensor in tensors]


@keras.saving.register_keras_serializable("rrn_tf")
class CollaborativeGRUCell(CollaborativeCell):
    """A GRU with recurrent matrices of each user's own and item embeddings shared by all.

    With ``U_g, U_c`` the user's matrices and ``E_g[x], E_c[x]`` the embeddings of the item x::

        [r, z] = sigmoid(h U_g + E_g[x])
        c      = activation((r * h) U_c + E_c[x])
        h'     = z * h + (1 - z) * c

    There are no biases, and every variable starts from N(0, 1 / sqrt(units)).

    Args:
      num_users, num_items: indices run from 1; 0 is padding, or the unknown user.
      units: width of the state.
      activation: of the candidate c; ``"sigmoid"`` (the authors' choice) or ``"tanh"``.
      pooled: one pair of recurrent matrices for all users (P-GRU).

    Call arguments:
      inputs: a pair of int[B], users, and int[B, T], items in order, padded on the right.
      mask: bool[B, T], True at real steps; by default where the item is not 0. At others the state stays.
      initial_state: float[B, units]; zeros by default.

    Returns:
      float[B, T, units], the state after each step. The last one, ``[:, -1]``, is the state to go on from.

    Example:
      >>> cell = CollaborativeGRUCell(num_users=2, num_items=9, units=3)
      >>> cell((tf.constant([1, 2]), tf.constant([[4, 9], [3, 0]]))).shape.as_list()
      [2, 2, 3]

    Reference:
      Ko, Maystre and Grossglauser, Collaborative Recurrent Neural Networks for Dynamic Recommender Systems, ACML 2016.
    """

    blocks = {"gates": 2, "candidate": 1}  # noqa: RUF012

    def __init__(
        self,
        num_users: int,
        num_items: int,
        units: int,
        activation: str = "sigmoid",
        pooled: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_users, num_items, units, pooled, **kwargs)
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation should be one of {sorted(ACTIVATIONS)}, received {activation!r}")
        self.activation = activation

    def transition(self, embedded: Sequence[tf.Tensor], state: tf.Tensor, matrices: Sequence[tf.Tensor]) -> tf.Tensor:
        _, e_c = embedded
        _, u_c = matrices
        r, z = self._gates(embedded, state, matrices)
        c = ACTIVATIONS[self.activation](times(r * state, u_c) + e_c)
        return z * state + (1 - z) * c

    def multiplied(
        self, embedded: Sequence[tf.Tensor], state: tf.Tensor, matrices: Sequence[tf.Tensor]
    ) -> list[tf.Tensor]:
        r, _ = self._gates(embedded, state, matrices)
        return [state, r * state]

    def _gates(self, embedded: Sequence[tf.Tensor], state: tf.Tensor, matrices: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        return tf.split(tf.sigmoid(times(state, matrices[0]) + embedded[0]), 2, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "activation": self.activation}


@keras.saving.register_keras_serializable("rrn_tf")
class CollaborativeSimpleRNNCell(CollaborativeCell):
    """The plain recurrent network with a matrix U of each user's own: ``h' = tanh(h U + E[x])``.

    Arguments, call and return are those of `CollaborativeGRUCell`, without `activation`.

    Example:
      >>> cell = CollaborativeSimpleRNNCell(num_users=2, num_items=9, units=3)
      >>> cell((tf.constant([1]), tf.constant([[4, 9]]))).shape.as_list()
      [1, 2, 3]

    Reference:
      Ko, Maystre and Grossglauser, ACML 2016 (C-tanh).
    """

    blocks = {"state": 1}  # noqa: RUF012

    def transition(self, embedded: Sequence[tf.Tensor], state: tf.Tensor, matrices: Sequence[tf.Tensor]) -> tf.Tensor:
        (e,), (u,) = embedded, matrices
        return tf.tanh(times(state, u) + e)

    def multiplied(
        self, embedded: Sequence[tf.Tensor], state: tf.Tensor, matrices: Sequence[tf.Tensor]
    ) -> list[tf.Tensor]:
        return [state]
