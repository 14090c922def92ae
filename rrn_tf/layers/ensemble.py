"""Layers of an ensemble: several networks of one shape are computed in one pass, and none depends on another."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras as keras


@keras.saving.register_keras_serializable("rrn_tf")
class EnsembleDense(keras.layers.Layer):
    """One affine map for each network of an ensemble: ``y_m = (W_m x_m + b_m) / sqrt(ensemble)``.

    Because of the factor, the inner product of two such outputs is the mean of the networks' inner products.

    Args:
      units: total width of the outputs of all networks.
      ensemble: number of networks; inputs and outputs consist of as many equal parts.

    Call arguments:
      inputs: float[..., ensemble * d].

    Returns:
      float[..., units].

    Raises:
      ValueError: if a width is not a multiple of `ensemble`.

    Example:
      >>> EnsembleDense(units=6, ensemble=2)(tf.ones([3, 4])).shape.as_list()
      [3, 6]
    """

    def __init__(self, units: int, ensemble: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.ensemble = ensemble

    def build(self, input_shape: Any) -> None:
        shape = (self.ensemble, part(input_shape[-1], self.ensemble), part(self.units, self.ensemble))
        self.kernel = self.add_weight("kernel", shape, initializer=stacked("glorot_uniform"))
        self.bias = self.add_weight("bias", (self.units,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        # No division: within some graphs, not in all, TensorFlow makes a product of it, which is rounded otherwise.
        return (per_network(inputs, self.kernel) + self.bias) * self.ensemble**-0.5

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "ensemble": self.ensemble}


@keras.saving.register_keras_serializable("rrn_tf")
class EnsembleLSTMCell(keras.layers.Layer):
    """One LSTM cell for each network of an ensemble, each with its part of the state (Eqs. 1-4 of the RRN paper).

    Args:
      units: total width of the states of all networks.
      ensemble: number of networks; inputs and states consist of as many equal parts.

    Call arguments:
      inputs: float[B, ensemble * d].
      states: ``[h, c]``, float[B, units] each.

    Returns:
      float[B, units], the output, and ``[h, c]`` after the step.

    Raises:
      ValueError: if a width is not a multiple of `ensemble`.

    Example:
      >>> output, (h, c) = EnsembleLSTMCell(units=6, ensemble=2)(tf.ones([3, 4]), [tf.zeros([3, 6])] * 2)
      >>> output.shape.as_list(), c.shape.as_list()
      ([3, 6], [3, 6])

    Reference:
      Wu et al., Recurrent Recommender Networks, WSDM 2017, Eqs. 1-4.
    """

    def __init__(self, units: int, ensemble: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.ensemble = ensemble
        self.state_size = [units, units]
        self.output_size = units

    def build(self, input_shape: Any) -> None:
        own = part(self.units, self.ensemble)
        kernel = (self.ensemble, part(input_shape[-1], self.ensemble), 4 * own)
        self.kernel = self.add_weight("kernel", kernel, initializer=stacked("glorot_uniform"))
        self.recurrent_kernel = self.add_weight(
            "recurrent_kernel", (self.ensemble, own, 4 * own), initializer=stacked("orthogonal")
        )
        self.bias = self.add_weight("bias", (self.ensemble, 4 * own), initializer=_open_forget_gate)
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, states: list[tf.Tensor]) -> tuple[tf.Tensor, list[tf.Tensor]]:
        hidden, cell = (tf.cast(state, inputs.dtype) for state in states)
        i, f, candidate, o = tf.split(self._gates(inputs, hidden), 4, axis=-1)
        cell = tf.sigmoid(f) * split_networks(cell, self.ensemble) + tf.sigmoid(i) * tf.tanh(candidate)
        hidden, cell = (merge_networks(part) for part in (tf.sigmoid(o) * tf.tanh(cell), cell))
        return hidden, [hidden, cell]

    def gates(self, inputs: tf.Tensor, hidden: tf.Tensor) -> list[tf.Tensor]:
        """Computes the gates before their nonlinearities: input, forget, candidate and output, float[B, units] each."""
        return [merge_networks(gate) for gate in tf.split(self._gates(inputs, hidden), 4, axis=-1)]

    def _gates(self, inputs: tf.Tensor, hidden: tf.Tensor) -> tf.Tensor:
        """Computes all gates, float[ensemble, B, 4 * own], in the order of Keras: input, forget, candidate, output."""
        kernel, recurrent, bias = (
            tf.cast(weights, inputs.dtype) for weights in (self.kernel, self.recurrent_kernel, self.bias)
        )
        parts = zip(_products(inputs, kernel), _products(hidden, recurrent), strict=True)
        return tf.stack([x + h for x, h in parts]) + bias[:, tf.newaxis]

    def roll(self, inputs: tf.Tensor, states: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes all steps at once by TensorFlow's fused operation, in single precision whatever the inputs' dtype.

        Args:
          inputs: float[B, T, ensemble * d].
          states: ``[h, c]`` before the first step, float[B, units] each.

        Returns:
          ``h`` and ``c`` after every step, float[B, T, units] each.
        """
        # `BlockLSTM` and not `BlockLSTMV2`: the latter orders its gates differently, but its gradient does not.
        steps = tf.shape(inputs, tf.int64)[1]
        whole = (tf.cast(x, tf.float32) for x in (tf.transpose(inputs, [1, 0, 2]), *states))
        parts = (tf.split(x, self.ensemble, axis=-1) for x in whole)
        no_peephole = tf.zeros([part(self.units, self.ensemble)])
        found = []
        for member, (x, hidden, cell) in enumerate(zip(*parts, strict=True)):
            kernel = tf.concat([self.kernel[member], self.recurrent_kernel[member]], axis=0)
            rolled = tf.raw_ops.BlockLSTM(
                seq_len_max=steps,
                x=x,
                cs_prev=cell,
                h_prev=hidden,
                w=_block_order(kernel),
                wci=no_peephole,
                wcf=no_peephole,
                wco=no_peephole,
                b=_block_order(self.bias[member]),
                forget_bias=0.0,
                cell_clip=0.0,
            )
            found.append((rolled.h, rolled.cs))
        hidden, cell = (tf.transpose(tf.concat(x, axis=-1), [1, 0, 2]) for x in zip(*found, strict=True))
        return tf.cast(hidden, inputs.dtype), tf.cast(cell, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "ensemble": self.ensemble}


def _block_order(weights: tf.Tensor) -> tf.Tensor:
    """Reorders gates as `BlockLSTM` expects them: input, candidate, forget, output."""
    i, f, candidate, o = tf.split(tf.cast(weights, tf.float32), 4, axis=-1)
    return tf.concat([i, candidate, f, o], axis=-1)


def part(width: int, ensemble: int) -> int:
    """Returns the width of one network's part.

    Raises:
      ValueError: if `width` is not a multiple of `ensemble`.
    """
    if width % ensemble:
        raise ValueError(f"a width should be a multiple of the ensemble's {ensemble} networks, received {width}")
    return width // ensemble


def per_network(inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Multiplies inputs float[..., M * d] with each network's kernel, float[M, d, e]: float[..., M * e]."""
    ensemble, width, out = kernel.shape
    shape = tf.shape(inputs)
    rows = tf.reshape(inputs, [-1, ensemble * width])
    product = tf.concat(_products(rows, tf.cast(kernel, inputs.dtype)), axis=-1)
    found = tf.reshape(product, tf.concat([shape[:-1], [ensemble * out]], axis=0))
    found.set_shape([*inputs.shape[:-1], ensemble * out])
    return found


def _products(rows: tf.Tensor, kernel: tf.Tensor) -> list[tf.Tensor]:
    """Multiplies rows float[B, M * d] with each network's kernel, float[M, d, e]: M tensors float[B, e]."""
    # A product a network: TensorFlow divides a batched product of whatever size among threads, which takes longer than
    # a small product itself.
    parts = zip(tf.split(rows, kernel.shape[0], axis=-1), tf.unstack(kernel), strict=True)
    return [tf.matmul(*part) for part in parts]


def split_networks(rows: tf.Tensor, ensemble: int) -> tf.Tensor:
    """Rearranges float[B, M * d] as float[M, B, d]: one slice per network."""
    # Faster than `tf.transpose`, which oneDNN prepares anew for each number of rows.
    return tf.stack(tf.split(rows, ensemble, axis=-1))


def merge_networks(parts: tf.Tensor) -> tf.Tensor:
    """Rearranges float[M, B, d] as float[B, M * d]: the networks' parts side by side."""
    return tf.concat(tf.unstack(parts), axis=-1)


def stacked(initializer: str) -> Any:
    """Returns an initializer of stacked kernels that initializes each kernel as if it were alone."""

    def initial(shape: Any, dtype: Any = None, **kwargs: Any) -> tf.Tensor:
        # A single instance would give every network the same values.
        return tf.stack([keras.initializers.get(initializer)(shape[1:], dtype) for _ in range(shape[0])])

    return initial


def _open_forget_gate(shape: Any, dtype: Any = None, **kwargs: Any) -> tf.Tensor:
    gate = tf.ones([shape[0], shape[-1] // 4], dtype)
    return tf.concat([0 * gate, gate, 0 * gate, 0 * gate], axis=1)
