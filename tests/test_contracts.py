"""The shared contract catches layers that break it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tests import contracts
from tests.contracts import Case


class Mean(keras.layers.Layer):
    """Mean over the real steps, times a scale: keeps the contract; `broken` names what to break."""

    def __init__(self, broken: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.broken = broken

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight("scale", ())
        super().build(input_shape)

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        steps, mask = inputs
        mask = mask[:, :, tf.newaxis]
        real = tf.where(mask, steps, 0)
        if self.broken == "padding":  # clean outputs, while the gradient multiplies NaN by zero
            real = tf.where(mask, steps * self.scale / tf.stop_gradient(self.scale), 0)
        if self.broken == "graph":
            real = real[:, : steps.shape[1] or 1]
        if self.broken == "dtype":
            real = tf.cast(real, tf.float32)
        scale = tf.stop_gradient(self.scale) if self.broken == "gradient" else self.scale
        return tf.reduce_sum(real, 1) / tf.reduce_sum(tf.cast(mask, real.dtype), 1) * tf.cast(scale, real.dtype)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "broken": self.broken}
        if self.broken == "config":
            del config["dtype"]
        return config


def mean(layer: Mean, inputs: tuple) -> np.ndarray:
    steps, mask = inputs
    return np.where(mask[:, :, np.newaxis], steps, 0).sum(1) / mask.sum(1, keepdims=True) * layer.scale.numpy()


def case(broken: str) -> Case:
    return Case(
        lambda **kwargs: Mean(broken, **kwargs),
        lambda rng: (rng.normal(size=(3, 4, 2)), np.arange(4) < np.array([[4], [1], [2]])),
        mean,
        poison=lambda inputs: (np.where(inputs[1][:, :, np.newaxis], inputs[0], np.nan), inputs[1]),
    )


CHECKS = {
    "graph": contracts.check_reference,
    "gradient": contracts.check_gradients,
    "padding": contracts.check_padding,
    "config": lambda made: contracts.check_config_round_trip(made.make),
    "dtype": lambda made: contracts.check_mixed_precision(made, "mixed_bfloat16"),
}


@pytest.mark.parametrize("broken", CHECKS)
def test_each_check_passes_what_is_sound_and_catches_what_is_broken(broken: str) -> None:
    CHECKS[broken](case(""))
    with pytest.raises(AssertionError):
        CHECKS[broken](case(broken))


def test_a_variable_that_is_not_saved_is_caught(tmp_path: Path) -> None:
    class Forgetful(Mean):
        def save_own_variables(self, store: Any) -> None:
            pass

        def load_own_variables(self, store: Any) -> None:
            pass

    with keras.saving.custom_object_scope({"Forgetful": Forgetful}):
        sound = case("")
        forgetful = Case(Forgetful, sound.inputs, mean)
        with pytest.raises(AssertionError):
            contracts.check_reloads(contracts.functional(forgetful), forgetful.tensors(), tmp_path)


def test_a_step_that_differs_from_the_layer_is_caught() -> None:
    class Sum(keras.layers.Layer):
        def call(self, inputs: tf.Tensor) -> tf.Tensor:
            return tf.cumsum(inputs, axis=1)

        def initial_state(self, batch: int) -> tf.Tensor:
            return tf.zeros([batch, 1])

        def step(self, inputs: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return state + inputs, state + inputs

    class Forgets(Sum):
        def step(self, inputs: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return state + inputs, tf.stop_gradient(state + inputs)

    inputs = tf.random.normal([2, 3, 1], seed=1)
    contracts.check_steps(Sum(), inputs)
    with pytest.raises(AssertionError):
        contracts.check_steps(Forgets(), inputs)
