"""All entities of a side at a time that nobody has asked about before, fast."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

from rrn_tf.features import Side
from rrn_tf.models.rrn import RRN
from rrn_tf.states.entity_states import EntityStates

_SHARE = 1 << 13  # entities that one core moves on
_LARGEST = 1 << 28  # bytes of gates


class CachedGates(tf.Module):
    """LSTM states of entities that only time moves.

    An entity's next step is fed the ratings of its last one and the time. All but the time is known when a model is
    saved, so the gates without it are stored, and what is left of the step is ``gate + clock * direction`` and the
    nonlinearities.

    Args:
      model: the network.
      side: which side the states are of.
      states: where its entities stand; row 0 is left out.
      earliest: float32[E + 1], scaled wallclock before which each of them is not asked about.

    Attributes:
      compiled: bool[] variable, whether XLA compiles the step: four times as fast, but TensorFlow Serving answers with
        an error unless it is told that it may compile. False until somebody sets it.
    """

    def __init__(self, model: RRN, side: Side, states: EntityStates, earliest: tf.Tensor) -> None:
        super().__init__(name="resting")
        self.compiled = tf.Variable(False, trainable=False, name="compiled")
        encoder, tower, projection = model.encoder(side), model.tower(side), model.projection(side)
        newbie, last = tf.split(states.last_context[1:], 2, axis=1)
        clock = encoder.read_clock(tf.concat([newbie, tf.zeros_like(last), last], axis=1))
        timeless = tf.concat([clock[:, :1], tf.zeros_like(last), clock[:, 2:]], axis=1)
        hidden, cell = (part[1:] for part in states.state)
        gates = tower.gates(
            encoder.embed_sums(states.last_sums[1:]) + tf.matmul(timeless, encoder.context_kernel), hidden
        )
        nothing = tf.zeros([1, tower.units])
        per_clock = zip(
            tower.gates(encoder.context_kernel[1:2], nothing),
            tower.gates(tf.zeros([1, encoder.units]), nothing),
            strict=True,
        )
        directions = tuple(some - none for some, none in per_clock)
        tables = (*gates, cell, newbie, last, earliest[1:, tf.newaxis])
        self._shares = [
            _Share(encoder.read_clock, directions, [table[begin : begin + _SHARE] for table in tables])
            for begin in range(0, newbie.shape[0], _SHARE)
        ]
        self._bias = tf.Variable(projection(nothing), trainable=False)
        self._kernel = tf.Variable(projection(tf.eye(tower.units)) - self._bias, trainable=False)

    @staticmethod
    def fit(model: RRN, side: Side, states: EntityStates) -> bool:
        """Whether a side's cell is an LSTM, and the gates of all entities are no burden to memory."""
        hidden = states.state[0].shape
        return model.tower(side).cell == "lstm" and 4 * hidden.num_elements() * tf.float32.size <= _LARGEST

    def hidden(self, wallclock: tf.Tensor) -> list[tf.Tensor]:
        """States at a scaled wallclock float32[]: float32[share, units], share by share."""
        # Of a server with a GPU too: its build need not be able to compile for that.
        with tf.device("CPU:0"):
            return [
                tf.cond(
                    self.compiled,
                    functools.partial(share.compiled_hidden, wallclock),
                    functools.partial(share.hidden, wallclock),
                )
                for share in self._shares
            ]

    def queries(self, vector: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What meets `hidden` in an inner product as projected states float32[N, dynamic] meet projected ones.

        Returns:
          float32[N, units], and float32[N, 1] to be added to the product.
        """
        return tf.matmul(vector, self._kernel, transpose_b=True), tf.matmul(vector, self._bias, transpose_b=True)


class _Share(tf.Module):
    """Some of the entities: gates at clock 0, cells, newbie flags, last and earliest wallclocks."""

    def __init__(
        self, read_clock: Callable[[tf.Tensor], tf.Tensor], directions: Sequence[tf.Tensor], tables: list[tf.Tensor]
    ) -> None:
        super().__init__(name="share")
        # Hidden in a partial: saving the Keras object would trace every layer.
        self._read_clock = functools.partial(read_clock)
        self._directions = [tf.Variable(direction, trainable=False) for direction in directions]
        self._tables = [tf.Variable(table, trainable=False) for table in tables]

    # Operation by operation, everything passes through memory a dozen times.
    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)], jit_compile=True, autograph=False)
    def compiled_hidden(self, wallclock: tf.Tensor) -> tf.Tensor:
        """As `hidden`, by XLA."""
        return self.hidden(wallclock)

    def hidden(self, wallclock: tf.Tensor) -> tf.Tensor:
        """float32[share, units]."""
        *gates, cell, newbie, last, earliest = self._tables
        now = tf.maximum(earliest, wallclock)
        clock = self._read_clock(tf.concat([newbie, now, last], axis=1))[:, 1:2]
        i, f, candidate, o = (gate + clock * direction for gate, direction in zip(gates, self._directions, strict=True))
        return tf.sigmoid(o) * tf.tanh(tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(candidate))
