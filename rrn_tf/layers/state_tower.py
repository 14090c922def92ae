"""Eq. 6: the recurrent hidden state of each user or item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from rrn_tf.layers.cells import recurrent_layer
from rrn_tf.layers.ensemble import EnsembleLSTMCell


@keras.saving.register_keras_serializable("rrn_tf")
class StateTower(keras.layers.Layer):
    """Computes the hidden state of each entity along its steps: ``u_t = LSTM(u_{t-1}, y_t)``.

    `call` computes whole sequences and `step` one step; both give the same states. The Keras layer inside uses
    the fused kernel on a GPU.

    Args:
      units: width of the state.
      cell: ``"lstm"`` (Eqs. 1-4), ``"gru"``, ``"rnn"`` or another module of `rrn_tf.layers.cells`.
      ensemble: number of independent cells that inputs and states are split among (see `EnsembleLSTMCell`).

    Call arguments:
      inputs: float[B, T, d], step embeddings; sequences are padded on the right.
      mask: bool[B, T], True at real steps. Values at padding, NaN included, affect neither the
        states at real steps nor the gradients.
      initial_state: list of float[B, units]; zeros by default.
      return_state: whether to return the state after the last real step of each sequence as well.

    Returns:
      float[B, T, units], the states; with `return_state` a pair of these and the final state, a
      list of float[B, units] (``[h, c]`` for LSTM, ``[h]`` otherwise).

    Example:
      >>> tower = StateTower(units=3)
      >>> states, final = tower(tf.zeros([2, 4, 5]), return_state=True)
      >>> states.shape.as_list(), len(final)
      ([2, 4, 3], 2)

    Reference:
      Wu et al., Recurrent Recommender Networks, WSDM 2017, Eqs. 1-4 and 6.
    """

    def __init__(self, units: int, cell: str = "lstm", ensemble: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        layer = recurrent_layer(cell)
        self.units = units
        self.cell = cell
        if ensemble > 1 and cell != "lstm":
            raise ValueError(f"an ensemble of {ensemble} networks should have the cell 'lstm', received {cell!r}")
        self.ensemble = ensemble
        common = {"return_sequences": True, "return_state": True, "dtype": self.dtype_policy, "name": cell}
        if ensemble == 1:
            self.rnn = layer(units, **common)
        else:
            self.rnn = keras.layers.RNN(
                EnsembleLSTMCell(units, ensemble, dtype=self.dtype_policy, name="cell"), **common
            )

    def build(self, input_shape: Any) -> None:
        self.rnn.build(tf.TensorShape([None, None, tf.TensorShape(input_shape)[-1]]))
        super().build(input_shape)

    def call(
        self,
        inputs: tf.Tensor,
        mask: tf.Tensor | None = None,
        initial_state: Sequence[tf.Tensor] | None = None,
        return_state: bool = False,
    ) -> Any:
        if mask is not None:
            # States are causal, so right padding cannot reach real steps; but zero times NaN is NaN in
            # the gradient. Only the final state needs the (slower) masked recurrence.
            inputs = tf.where(mask[:, :, tf.newaxis], inputs, tf.zeros_like(inputs))
        if self.ensemble > 1 and inputs.dtype != tf.float64:
            states, final = self._roll_members(inputs, mask, initial_state)
            return (states, final) if return_state else states
        states, *final = self.rnn(
            inputs,
            mask=mask if return_state else None,
            initial_state=None if initial_state is None else self._cast(initial_state),
        )
        return (states, final) if return_state else states

    def _roll_members(
        self, inputs: tf.Tensor, mask: tf.Tensor | None, initial_state: Sequence[tf.Tensor] | None
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Computes `call` for an ensemble: it has every step's state and looks up the last real one, without a mask."""
        batch, steps = tf.unstack(tf.shape(inputs)[:2])
        start = self.initial_state(batch) if initial_state is None else self._cast(initial_state)
        rolled = self.rnn.cell.roll(inputs, start)
        length = tf.fill([batch], steps) if mask is None else tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
        last = tf.maximum(length - 1, 0)
        final = [
            tf.where(length[:, tf.newaxis] > 0, tf.gather(after, last, axis=1, batch_dims=1), before)
            for after, before in zip(rolled, start, strict=True)
        ]
        return rolled[0], final

    def step(self, inputs: tf.Tensor, state: Sequence[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Computes one step: from float[B, d] and the state before it, float[B, units] and the state after it."""
        if not self.built:
            self.build(inputs.shape)
        output, new_state = self.rnn.cell(inputs, self._cast(state))
        return output, list(new_state) if isinstance(new_state, list | tuple) else [new_state]

    def gates(self, inputs: tf.Tensor, hidden: tf.Tensor) -> list[tf.Tensor]:
        """Computes an LSTM's gates before their nonlinearities: input, forget, candidate and output (Eqs. 1 and 2).

        Args:
          inputs: float[B, d].
          hidden: float[B, units], the hidden state ``h`` before the step.

        Returns:
          four tensors float[B, units].

        Raises:
          ValueError: for any other cell.
        """
        if self.cell != "lstm":
            raise ValueError(f"gates should be asked of the cell 'lstm', received {self.cell!r}")
        cell = self.rnn.cell
        if self.ensemble > 1:
            return cell.gates(inputs, hidden)
        return tf.split(inputs @ cell.kernel + hidden @ cell.recurrent_kernel + cell.bias, 4, axis=-1)

    def initial_state(self, batch_size: int | tf.Tensor) -> list[tf.Tensor]:
        """Returns the state before the first step: a list of float[batch_size, units] zeros."""
        sizes = tf.nest.flatten(self.rnn.cell.state_size)
        return [tf.zeros([batch_size, size], self.compute_dtype) for size in sizes]

    def _cast(self, state: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        # Keras casts only inputs, and stored states are float32 whatever the policy.
        return [tf.cast(part, self.compute_dtype) for part in state]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "cell": self.cell, "ensemble": self.ensemble}
