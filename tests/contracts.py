"""What every layer must hold, whatever it computes. A new layer needs a `Case` and has all of it checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

SEED = 7
HALF = {"mixed_bfloat16": 0.05, "mixed_float16": 0.01}  # how far from single precision each may be


def _plain_call(layer: keras.layers.Layer, inputs: tuple) -> Any:
    return layer(inputs if len(inputs) > 1 else inputs[0])


@dataclass(frozen=True)
class Case:
    """A layer, inputs for it, and what it should make of them.

    Args:
      make: gives the layer; takes Keras's own arguments, such as `name` and `dtype`.
      inputs: numpy arrays of a seeded generator.
      reference: outputs of a layer for inputs, by numpy alone; NaN where any value will do.
      call: how the layer is called with the inputs.
      poison: the inputs with NaN wherever nothing should look.
    """

    make: Callable[..., keras.layers.Layer]
    inputs: Callable[[np.random.Generator], tuple[np.ndarray, ...]]
    reference: Callable[[Any, tuple[np.ndarray, ...]], Any]
    call: Callable[[Any, tuple], Any] = _plain_call
    poison: Callable[[tuple[np.ndarray, ...]], tuple[np.ndarray, ...]] | None = None

    def arrays(self) -> tuple[np.ndarray, ...]:
        return self.inputs(np.random.default_rng(SEED))

    def tensors(self) -> tuple[tf.Tensor, ...]:
        return _tensors(self.arrays())

    def layer(self, **kwargs: Any) -> keras.layers.Layer:
        """The layer, built, with weights large enough to matter, biases included."""
        layer, rng = self.make(**kwargs), np.random.default_rng(SEED + 1)
        self.call(layer, _tensors(self.arrays(), layer.variable_dtype))
        layer.set_weights([rng.normal(0, 0.5, weight.shape) for weight in layer.get_weights()])
        return layer


def check_reference(case: Case) -> None:
    """Numpy's values, in eager execution and in a graph that knows neither batch nor time."""
    layer, arrays = case.layer(), case.arrays()
    expected = tf.nest.flatten(case.reference(layer, arrays))
    inputs = _tensors(arrays)
    specs = tuple(tf.TensorSpec(_unknown(x), x.dtype) for x in inputs)
    graph = tf.function(lambda *args: case.call(layer, args), input_signature=specs)
    for outputs in (case.call(layer, inputs), graph(*inputs)):
        for found, values in zip(tf.nest.flatten(outputs), expected, strict=True):
            assert found.shape == values.shape
            defined = ~np.isnan(values)
            np.testing.assert_allclose(found.numpy()[defined], values[defined], rtol=1e-4, atol=1e-5)


def check_gradients(case: Case) -> None:
    """Gradients of all variables and float inputs equal finite differences, in double precision."""
    layer = case.layer(dtype="float64")
    inputs = [tf.Variable(x) if x.dtype.is_floating else x for x in _tensors(case.arrays(), "float64")]
    variables = [*layer.trainable_variables, *(x for x in inputs if isinstance(x, tf.Variable))]

    def loss() -> tf.Tensor:
        return _weighted_sum(case.call(layer, tuple(tf.convert_to_tensor(x) for x in inputs)))

    with tf.GradientTape() as tape:
        value = loss()
    gradients = _dense_gradients(tape, value, variables)
    fast = tf.function(loss)
    for variable, gradient in zip(variables, gradients, strict=True):
        numeric = numeric_gradient(lambda: float(fast()), variable)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-5, atol=1e-7, err_msg=variable.name)


def check_steps(layer: Any, inputs: tf.Tensor) -> None:
    """A layer that has `step` and `initial_state` gives float[B, T, ...] inputs the same either way, gradients too."""

    def by_steps() -> tf.Tensor:
        state, outputs = layer.initial_state(inputs.shape[0]), []
        for t in range(inputs.shape[1]):
            output, state = layer.step(inputs[:, t], state)
            outputs.append(output)
        return tf.stack(outputs, axis=1)

    answers = []
    for call in (by_steps, lambda: layer(inputs)):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = call()
            loss = _weighted_sum(outputs)
        answers.append([outputs, *_dense_gradients(tape, loss, [*layer.trainable_variables, inputs])])
    for steps, whole in zip(*answers, strict=True):
        np.testing.assert_allclose(whole, steps, rtol=1e-4, atol=1e-5)


def check_padding(case: Case) -> None:
    """Not one bit of outputs and gradients depends on what stands in the padding, and NaN there is nowhere else."""
    assert case.poison
    layer, answers = case.layer(), []
    for arrays in (case.arrays(), case.poison(case.arrays())):
        inputs = _tensors(arrays)
        watched = [x for x in inputs if x.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(watched)
            outputs = case.call(layer, inputs)
            loss = _weighted_sum(outputs)
        gradients = _dense_gradients(tape, loss, [*layer.trainable_variables, *watched])
        answers.append([*tf.nest.flatten(outputs), *gradients])
    assert any(np.isnan(x).any() for x in arrays if x.dtype.kind == "f")
    for clean, poisoned in zip(*answers, strict=True):
        assert np.isfinite(poisoned).all()
        np.testing.assert_array_equal(clean, poisoned)


def check_config_round_trip(make: Callable[..., keras.layers.Layer]) -> None:
    """A layer made from another's configuration has that configuration, through serialization too."""
    layer = make(name="some_name", dtype="mixed_bfloat16")
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    for copy in (type(layer).from_config(layer.get_config()), restored):
        assert type(copy) is type(layer)
        assert copy.get_config() == layer.get_config()
        assert (copy.name, copy.dtype_policy.name) == ("some_name", "mixed_bfloat16")


def check_mixed_precision(case: Case, policy: str) -> None:
    """Variables and gradients are single precision, outputs half, and all near those of single precision."""
    full, half = case.layer(), case.layer(dtype=policy)
    assert {variable.dtype for variable in half.variables} == {tf.float32}
    inputs, answers = case.tensors(), []
    for layer in (full, half):
        with tf.GradientTape() as tape:
            outputs = case.call(layer, inputs)
            loss = _weighted_sum(outputs)
        outputs = tf.nest.flatten(outputs)
        assert {x.dtype for x in outputs} == {tf.as_dtype(layer.compute_dtype)}
        gradients = _dense_gradients(tape, loss, layer.trainable_variables)
        assert {x.dtype for x in gradients} == {tf.float32}
        answers.append([*(tf.cast(x, tf.float32).numpy() for x in outputs), *(x.numpy() for x in gradients)])
    for expected, found in zip(*answers, strict=True):
        assert np.abs(found - expected).max() <= HALF[policy] * max(np.abs(expected).max(), 1)


def functional(case: Case) -> keras.Model:
    """The layer as a Keras model of its own, with weights that matter."""
    feeds = tuple(keras.Input(_unknown(x)[1:], dtype=x.dtype) for x in case.tensors())
    return keras.Model(feeds, case.call(case.layer(), feeds))


def check_reloads(model: keras.Model, inputs: Any, directory: Path) -> None:
    """The model is the same after a `.keras` reload, a SavedModel reload and from its weights alone."""
    expected = tf.nest.flatten(model(inputs))

    def same(restored: Any) -> None:
        for left, right in zip(tf.nest.flatten(restored(inputs)), expected, strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)
        # Outputs need not depend on every variable.
        for left, right in zip(restored.variables, model.variables, strict=True):
            np.testing.assert_array_equal(left, right)

    model.save(directory / "model.keras")
    same(keras.models.load_model(directory / "model.keras"))

    tf.saved_model.save(model, str(directory / "saved"))
    same(tf.saved_model.load(str(directory / "saved")))

    fresh = type(model).from_config(model.get_config())
    model.save_weights(directory / "model.weights.h5")
    fresh.load_weights(directory / "model.weights.h5")
    same(fresh)


def numeric_gradient(function: Callable[[], float], variable: tf.Variable, step: float = 1e-5) -> np.ndarray:
    """Central differences of a function with respect to every entry of a variable of double precision."""
    start = np.asarray(variable)
    gradient = np.zeros_like(start)
    for index in np.ndindex(start.shape):
        values = []
        for sign in (1, -1):
            moved = np.array(start)
            moved[index] += sign * step
            variable.assign(moved)
            values.append(function())
        gradient[index] = (values[0] - values[1]) / (2 * step)
    variable.assign(start)
    return gradient


def _tensors(arrays: tuple[np.ndarray, ...], dtype: str = "float32") -> tuple[tf.Tensor, ...]:
    return tuple(tf.constant(x, dtype if x.dtype.kind == "f" else None) for x in arrays)


def _unknown(tensor: tf.Tensor) -> list[int | None]:
    """A tensor's shape without batch and time: only the last axis of real vectors has a known length."""
    known = tensor.shape[-1:].as_list() if tensor.dtype.is_floating and tensor.shape.rank > 1 else [None]
    return [None] * (tensor.shape.rank - 1) + known


def _weighted_sum(outputs: Any) -> tf.Tensor:
    """A number on which every output has a bearing of its own."""
    rng = np.random.default_rng(SEED + 2)
    parts = [tf.reduce_sum(tf.cast(rng.normal(size=x.shape), x.dtype) * x) for x in tf.nest.flatten(outputs)]
    return tf.add_n(parts)


def _dense_gradients(tape: tf.GradientTape, loss: tf.Tensor, sources: list) -> list[tf.Tensor]:
    gradients = tape.gradient(loss, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return [tf.convert_to_tensor(gradient) for gradient in gradients]
