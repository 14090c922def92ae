"""What every layer must hold, whatever it computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras


def check_config_round_trip(layer: keras.layers.Layer) -> None:
    """A layer made from another's configuration has that configuration, through serialization too."""
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(restored) is type(layer)
    assert restored.get_config() == layer.get_config()


def check_graph_equals_eager(call: Callable[..., Any], *inputs: Any) -> None:
    """`tf.function` with unknown batch and time gives what eager execution gives."""
    specs = tf.nest.map_structure(lambda x: tf.TensorSpec([None] * (len(x.shape) - 1) + x.shape[-1:], x.dtype), inputs)
    flat = [tf.TensorSpec([None], spec.dtype) if len(spec.shape) == 1 else spec for spec in tf.nest.flatten(specs)]
    graph = tf.function(call, input_signature=tf.nest.pack_sequence_as(specs, flat))
    for expected, found in zip(tf.nest.flatten(call(*inputs)), tf.nest.flatten(graph(*inputs)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def check_reloads(model: keras.Model, inputs: Any, directory: Path) -> None:
    """The model answers the same after a `.keras` reload, a SavedModel reload and from its weights alone."""
    expected = tf.nest.flatten(model(inputs))

    def same(found: Any) -> None:
        for left, right in zip(tf.nest.flatten(found), expected, strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)

    model.save(directory / "model.keras")
    same(keras.models.load_model(directory / "model.keras")(inputs))

    tf.saved_model.save(model, str(directory / "saved"))
    same(tf.saved_model.load(str(directory / "saved"))(inputs))

    fresh = keras.models.clone_model(model)
    model.save_weights(directory / "model.weights.h5")
    fresh.load_weights(directory / "model.weights.h5")
    same(fresh(inputs))


def numeric_gradient(function: Callable[[], float], variable: tf.Variable, step: float = 1e-2) -> np.ndarray:
    """Central differences of a function with respect to every entry of a variable."""
    start = variable.numpy()
    gradient = np.zeros_like(start)
    for index in np.ndindex(start.shape):
        values = []
        for sign in (1, -1):
            moved = start.copy()
            moved[index] += sign * step
            variable.assign(moved)
            values.append(function())
        gradient[index] = (values[0] - values[1]) / (2 * step)
    variable.assign(start)
    return gradient
