"""A recurrence along whole sequences, with backpropagation through time written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf


class Recurrence(Protocol):
    """A cell whose recurrent matrices meet the state in sums ``times(multiplied, matrix) + embedded``, one a block."""

    def transition(self, embedded: Sequence[Any], state: Any, matrices: Sequence[Any]) -> Any:
        """The state after a step."""

    def multiplied(self, embedded: Sequence[Any], state: Any, matrices: Sequence[Any]) -> list[Any]:
        """What a step multiplies each matrix with."""


def unrolled(
    cell: Recurrence,
    steps: Sequence[tf.Tensor],
    state: tf.Tensor,
    matrices: Sequence[tf.Tensor],
    real: tf.Tensor,
) -> tf.Tensor:
    """States along sequences.

    The gradient needs nothing but the states: each step is computed anew on the way back, and the gradients of a sum
    ``times(m, matrix) + embedded`` with respect to its matrices are one product over all steps of what was multiplied
    with the gradient of what was added. Automatic differentiation would add up a matrix a step, and keep lists of
    intermediate values that cannot leave a compiled function.

    Args:
      cell: the recurrence.
      steps: float[T, B, width] a block, what is added at each step; no NaN.
      state: float[B, units], the start.
      matrices: float[B, units, width] a block, or float[units, width] for all.
      real: bool[T, B, 1]; at other steps the state stays.

    Returns:
      float[T, B, units].
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
    """Rows float[B, m] times one matrix float[m, n], or each times its own of float[B, m, n]: float[B, n]."""
    if matrix.shape.rank == 2:
        return tf.matmul(state, matrix)
    return tf.squeeze(tf.matmul(state[:, tf.newaxis], matrix), 1)
