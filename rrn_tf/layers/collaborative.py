"""Recurrent cells with recurrent matrices of each user's own, or shared ones, and item embeddings shared by all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers.rows import gathered
from rrn_tf.layers.unrolling import times, unrolled

ACTIVATIONS = {"sigmoid": tf.sigmoid, "tanh": tf.tanh}
# Forms of the recurrent matrices: one for all users; one for each user; one for all users plus a low-rank product whose
# left factor belongs to the user.
SHARED, PERSONAL, LOW_RANK = MATRICES = ("shared", "personal", "low-rank")


class CollaborativeCell(keras.layers.Layer):
    """Base class of the collaborative cells: it holds their tables and unrolls them along sequences.

    A subclass defines `blocks`, the names of its recurrent matrices with their widths in units; the item embedding
    added to a product has the matrix's width. `recurrent` and `embedding` hold one variable per block. Index 0 of each
    table is padding and the unknown user. Low-rank matrices are ``recurrent + left[user] right``; ``left`` starts at 0.
    """

    blocks: dict[str, int]

    def __init__(
        self, num_users: int, num_items: int, units: int, matrices: str = PERSONAL, rank: int = 4, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        sizes = (("num_users", num_users, 0), ("num_items", num_items, 0), ("units", units, 1), ("rank", rank, 1))
        for name, value, least in sizes:
            if value < least:
                raise ValueError(f"{name} should be >= {least}, received {value}")
        if matrices not in MATRICES:
            raise ValueError(f"matrices should be one of {MATRICES}, received {matrices!r}")
        self.num_users = num_users
        self.num_items = num_items
        self.units = units
        self.form = matrices
        self.rank = rank

    def build(self, input_shape: Any) -> None:
        users = (self.num_users + 1,) if self.form == PERSONAL else ()
        self.recurrent = [
            self._table(f"recurrent_{name}", (*users, self.units, width * self.units))
            for name, width in self.blocks.items()
        ]
        self.embedding = [
            self._table(f"embedding_{name}", (self.num_items + 1, width * self.units))
            for name, width in self.blocks.items()
        ]
        low_rank = self.blocks.items() if self.form == LOW_RANK else ()
        self.left = [
            self.add_weight(f"left_{name}", (self.num_users + 1, self.units, self.rank), initializer="zeros")
            for name, _ in low_rank
        ]
        self.right = [self._table(f"right_{name}", (self.rank, width * self.units)) for name, width in low_rank]
        super().build(input_shape)

    @property
    def personal(self) -> list[tf.Variable]:
        """The variables that hold matrices of each user's own, indexed by user."""
        return {SHARED: [], PERSONAL: self.recurrent, LOW_RANK: self.left}[self.form]

    def matrices(self, user: tf.Tensor) -> list[tf.Tensor]:
        """Gathers the matrices of users int[B]: float[B, units, width] per block, or float[units, width] if shared."""
        if self.form == PERSONAL:
            return [gathered(u, user) for u in self.recurrent]
        shared = [tf.convert_to_tensor(u) for u in self.recurrent]
        if self.form == SHARED:
            return shared
        parts = zip(shared, self.left, self.right, strict=True)
        return [u + tf.einsum("bur,rw->buw", gathered(left, user), right) for u, left, right in parts]

    def embed(self, item: tf.Tensor) -> list[tf.Tensor]:
        """Returns the embeddings of items int[...]: float[..., width] per block."""
        return [gathered(e, item) for e in self.embedding]

    def transition(self, embedded: Sequence[tf.Tensor], state: tf.Tensor, matrices: Sequence[tf.Tensor]) -> tf.Tensor:
        """Computes one step by the cell's equations.

        Args:
          embedded: float[B, width] per block, embeddings of the step's items.
          state: float[B, units], the state before the step.
          matrices: recurrent matrices as the method `matrices` returns them.

        Returns:
          float[B, units], the state after the step.
        """
        raise NotImplementedError

    def multiplied(
        self, embedded: Sequence[tf.Tensor], state: tf.Tensor, matrices: Sequence[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Returns the left factor of each recurrent matrix's product in `transition`: float[B, units] per block."""
        raise NotImplementedError

    def unroll(
        self, embedded: Sequence[tf.Tensor], state: tf.Tensor, matrices: Sequence[tf.Tensor], mask: tf.Tensor
    ) -> tf.Tensor:
        """Computes the states along sequences of embedded items.

        Args:
          embedded: float[B, T, width] per block. Values at padding, NaN included, have no effect.
          state: float[B, units], the initial state.
          matrices: recurrent matrices as the method `matrices` returns them.
          mask: bool[B, T], True at real steps; at padding the state does not change.

        Returns:
          float[B, T, units], the state after each step.
        """
        real = tf.transpose(mask)[:, :, tf.newaxis]
        # Zero times NaN is NaN in the gradient, so the padding is cleared before the step, not only after it.
        steps = [tf.where(real, tf.transpose(e, [1, 0, 2]), tf.zeros([], e.dtype)) for e in embedded]
        states = unrolled(self, self._cast(steps), tf.cast(state, self.compute_dtype), self._cast(matrices), real)
        return tf.transpose(states, [1, 0, 2])

    @property
    def state_size(self) -> int:
        """Width of the state, as `keras.layers.RNN` asks."""
        return int(self.units)

    @property
    def output_size(self) -> int:
        """Width of what a step gives, which is the state."""
        return int(self.units)

    def get_initial_state(self, inputs: Any = None, batch_size: Any = None, dtype: Any = None) -> tf.Tensor:
        """As `initial_state`, as `keras.layers.RNN` asks; the type is that of the inputs, which are indices."""
        return self.initial_state(batch_size)

    def call(
        self,
        inputs: tuple[tf.Tensor, tf.Tensor],
        states: Sequence[tf.Tensor] | None = None,
        mask: tf.Tensor | None = None,
        initial_state: tf.Tensor | None = None,
    ) -> Any:
        user, item = inputs
        if states is not None:
            user, item = tf.reshape(user, [-1]), tf.reshape(item, [-1])
            (before,) = tf.nest.flatten(states)
            after = tf.where((item > 0)[:, tf.newaxis], self.step(user, item, before), before)
            return after, [after]
        state = self.initial_state(tf.shape(user)[0]) if initial_state is None else initial_state
        return self.unroll(self.embed(item), state, self.matrices(user), item > 0 if mask is None else mask)

    def step(self, user: tf.Tensor, item: tf.Tensor, state: tf.Tensor) -> tf.Tensor:
        """Computes one step from users int[B], items int[B] and states float[B, units] to the states after it."""
        if not self.built:
            self.build(None)
        state = tf.cast(state, self.compute_dtype)
        return self.transition(self._cast(self.embed(item)), state, self._cast(self.matrices(user)))

    def initial_state(self, batch_size: int | tf.Tensor) -> tf.Tensor:
        """Returns the state before the first step: zeros, float[batch_size, units]."""
        return tf.zeros([batch_size, self.units], self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        sizes = {"num_users": self.num_users, "num_items": self.num_items, "units": self.units}
        return {**super().get_config(), **sizes, "matrices": self.form, "rank": self.rank}

    def _table(self, name: str, shape: tuple[int, ...]) -> tf.Variable:
        # Each variable needs an initializer of its own: one used twice gives the same numbers twice.
        return self.add_weight(name, shape, initializer=keras.initializers.RandomNormal(stddev=self.units**-0.5))

    def _cast(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        return [tf.cast(tensor, self.compute_dtype) for tensor in tensors]


@keras.saving.register_keras_serializable("rrn_tf")
class CollaborativeGRUCell(CollaborativeCell):
    """A GRU whose recurrent matrices belong to each user or to all, and whose item embeddings are shared by all users.

    With ``U_g, U_c`` the user's matrices and ``E_g[x], E_c[x]`` the embeddings of the item x::

        [r, z] = sigmoid(h U_g + E_g[x])
        c      = activation((r * h) U_c + E_c[x])
        h'     = z * h + (1 - z) * c

    There are no biases, and every variable starts from N(0, 1 / sqrt(units)).

    Args:
      num_users, num_items: number of users and items; indices run from 1, and 0 is padding or the unknown user.
      units: width of the state.
      activation: of the candidate c; ``"sigmoid"`` (the authors' choice) or ``"tanh"``.
      matrices: ``"personal"``, two recurrent matrices for each user (C-GRU); ``"shared"``, two for all users
        (P-GRU); or ``"low-rank"``, the shared ones plus a product whose left factor, of `rank` columns, is the user's
        own (not in the paper).
      rank: rank of that product.

    Call arguments:
      inputs: a pair of int[B], users, and int[B, T], items in order of time, padded on the right.
      states: given by `keras.layers.RNN` alone, which calls a cell step by step: float[B, units] in a list. Users and
        items are then those of one step, int[B, 1]; what is returned is the state after it, and that state in a list.
      mask: bool[B, T], True at real steps; by default where the item is not 0. At padding the state does not change.
      initial_state: float[B, units]; zeros by default.

    Returns:
      float[B, T, units], the state after each step. The last one, ``[:, -1]``, continues the sequence.

    Example:
      >>> cell = CollaborativeGRUCell(num_users=2, num_items=9, units=3)
      >>> user, item = tf.constant([1, 2]), tf.constant([[4, 9], [3, 0]])
      >>> cell((user, item)).shape.as_list()
      [2, 2, 3]
      >>> steps = tf.repeat(user[:, tf.newaxis, tf.newaxis], 2, axis=1), item[:, :, tf.newaxis]
      >>> keras.layers.RNN(cell)(steps).shape.as_list()  # slower: Keras takes one step after another
      [2, 3]

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
        matrices: str = PERSONAL,
        rank: int = 4,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_users, num_items, units, matrices, rank, **kwargs)
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
    """The plain recurrent network with a recurrent matrix U for each user: ``h' = tanh(h U + E[x])``.

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
