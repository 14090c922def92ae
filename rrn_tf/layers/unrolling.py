"""A recurrence along whole sequences, with backpropagation through time written out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf


class Recurrence(Protocol):
    """A cell that uses each recurrent matrix in a sum ``times(multiplied, matrix) + embedded``, one sum per block."""

    def transition(self, embedded: Sequence[Any], state: Any, matrices: Sequence[Any]) -> Any:
        """Returns the state after a step."""

    def multiplied(self, embedded: Sequence[Any], state: Any, matrices: Sequence[Any]) -> list[Any]:
        """Returns the left factor of each matrix product of a step."""


def unrolled(
    cell: Recurrence,
    steps: Sequence[tf.Tensor],
    state: tf.Tensor,
    matrices: Sequence[tf.Tensor],
    real: tf.Tensor,
) -> tf.Tensor:
    """Computes the states along sequences.

    Only the states are kept for the gradient: the backward pass computes each step again. The gradient of a matrix in a
    sum ``times(m, matrix) + embedded`` is one product over all steps, of ``m`` with the gradient of the sum. Automatic
    differentiation would add up one matrix per step, and keep lists of intermediate values that cannot leave a compiled
    function.

    Args:
      cell: the recurrence.
      steps: float[T, B, width] per block, the embedding added at each step; it must hold no NaN.
      state: float[B, units], the initial state.
      matrices: float[B, units, width] per block, or float[units, width] shared by all.
      real: bool[T, B, 1], False at padding, where the state does not change.

    Returns:
      float[T, B, units], the state after each step.
    """
    blocks = len(steps)

    @tf.custom_gradient
    def run(state: tf.Tensor, *tensors: tf.Tensor) -> tuple[tf.Tensor, Any]:
        steps, matrices = list(tensors[:blocks]), list(tensors[blocks:])

        def forward(before: tf.Tensor, now: tuple[list[tf.Tensor], tf.Tensor]) -> tf.Tensor:
            return tf.where(now[1], cell.transition(now[0], before, matrices), before)

        states = tf.scan(forward, (steps, real), state)

        def gradient(upstream: tf.Tensor) -> list[tf.Tensor]:
            def backward(later: tuple[Any, ...], now: tuple[Any, ...]) -> tuple[Any, ...]:
                direct, embedded, before, is_real = now
                d_after = later[0] + direct
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch([before, embedded])
                    after = cell.transition(embedded, before, matrices)
                d_real = tf.where(is_real, d_after, tf.zeros_like(d_after))
                d_before, d_embedded = tape.gradient(after, (before, embedded), d_real)
                return d_before + d_after - d_real, d_embedded, cell.multiplied(embedded, before, matrices)

            nothing = tf.zeros_like(state)
            start = nothing, [tf.zeros_like(e[0]) for e in steps], [nothing] * blocks
            before = tf.concat([state[tf.newaxis], states[:-1]], axis=0)
            d_states, d_steps, met = tf.scan(backward, (upstream, steps, before, real), start, reverse=True)
            d_matrices = [
                tf.einsum("tbm,tbn->mn" if u.shape.rank == 2 else "tbm,tbn->bmn", m, d)
                for u, m, d in zip(matrices, met, d_steps)
            ]
            return [d_states[0], *d_steps, *d_matrices]

        return states, gradient

    return run(state, *steps, *matrices)


def times(state: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """Multiplies rows float[B, m] with one matrix float[m, n], or each with its own of float[B, m, n]: float[B, n]."""
    if matrix.shape.rank == 2:
        return tf.matmul(state, matrix)
    return tf.squeeze(tf.matmul(state[:, tf.newaxis], matrix), 1)
