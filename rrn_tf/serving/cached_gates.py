"""Computes the hidden states of all entities of a side at any time fast, from cached LSTM gates."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

from rrn_tf.features import Side
from rrn_tf.models.rrn import RRN
from rrn_tf.states.entity_states import EntityStates

_SHARE = 1 << 13  # entities that one core extrapolates
_LARGEST = 1 << 28  # the most bytes of cached gates


class CachedGates(tf.Module):
    """Extrapolates LSTM states of entities to a time, given that they have no new ratings.

    The inputs of an entity's next step are the ratings of its last step and the time. All but the time is known when
    a model is saved, so the gates without the time are stored, and the step is reduced to ``gate + clock * direction``
    and the nonlinearities.

    Args:
      model: the network.
      side: side of the states.
      states: states of the side's entities; row 0, of the unknown entity, is left out.
      earliest: float32[E + 1], scaled wallclock of each entity that earlier times are raised to.

    Attributes:
      compiled: bool[] variable, whether XLA compiles the step: four times as fast, but TensorFlow Serving returns an
        error unless its option allows compilation. False by default.
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
            _Group(encoder.read_clock, directions, [table[begin : begin + _SHARE] for table in tables])
            for begin in range(0, newbie.shape[0], _SHARE)
        ]
        self._bias = tf.Variable(projection(nothing), trainable=False)
        self._kernel = tf.Variable(projection(tf.eye(tower.units)) - self._bias, trainable=False)

    @staticmethod
    def fit(model: RRN, side: Side, states: EntityStates) -> bool:
        """Returns whether a side's cell is an LSTM and the gates of all entities fit within the memory limit."""
        hidden = states.state[0].shape
        return model.tower(side).cell == "lstm" and 4 * hidden.num_elements() * tf.float32.size <= _LARGEST

    @property
    def shape(self) -> tuple[int, int]:
        """Number of entities, and units of their states."""
        return sum(group.entities for group in self._shares), int(self._kernel.shape[0])

    def hidden(self, wallclock: tf.Tensor) -> list[tf.Tensor]:
        """Computes the states at a scaled wallclock float32[]: float32[i, units] for each group of entities."""
        # Also on a server with a GPU, since its build may be unable to compile for the GPU.
        with tf.device("CPU:0"):
            return [
                tf.cond(
                    self.compiled,
                    functools.partial(group.compiled_hidden, wallclock),
                    functools.partial(group.hidden, wallclock),
                )
                for group in self._shares
            ]

    def queries(self, vector: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Converts projected states float32[N, dynamic] for inner products with `hidden` instead of its projection.

        Returns:
          float32[N, units], and float32[N, 1] to add to the inner product.
        """
        return tf.matmul(vector, self._kernel, transpose_b=True), tf.matmul(vector, self._bias, transpose_b=True)


class _Group(tf.Module):
    """A group of entities with their gates at clock 0, cells, newbie flags, last and earliest wallclocks."""

    def __init__(
        self, read_clock: Callable[[tf.Tensor], tf.Tensor], directions: Sequence[tf.Tensor], tables: list[tf.Tensor]
    ) -> None:
        super().__init__(name="share")
        # Hidden in a partial: saving the Keras object would trace every layer.
        self._read_clock = functools.partial(read_clock)
        self._directions = [tf.Variable(direction, trainable=False) for direction in directions]
        self._tables = [tf.Variable(table, trainable=False) for table in tables]

    @property
    def entities(self) -> int:
        """Number of entities of the group."""
        return int(self._tables[0].shape[0])

    # Without compilation, every operation would read and write all of the memory, a dozen times.
    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)], jit_compile=True, autograph=False)
    def compiled_hidden(self, wallclock: tf.Tensor) -> tf.Tensor:
        """As `hidden`, compiled by XLA."""
        return self.hidden(wallclock)

    def hidden(self, wallclock: tf.Tensor) -> tf.Tensor:
        """Computes the states of the group at a scaled wallclock: float32[i, units]."""
        *gates, cell, newbie, last, earliest = self._tables
        now = tf.maximum(earliest, wallclock)
        clock = self._read_clock(tf.concat([newbie, now, last], axis=1))[:, 1:2]
        i, f, candidate, o = (gate + clock * direction for gate, direction in zip(gates, self._directions, strict=True))
        return tf.sigmoid(o) * tf.tanh(tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(candidate))
