"""Keras' LSTM and GRU without the variant for a GPU where there is none, which takes most of the time to trace them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import tensorflow as tf
import tf_keras as keras

_elsewhere = ContextVar("elsewhere", default=False)


@contextlib.contextmanager
def for_any_device() -> Iterator[None]:
    """What is traced within may run on a machine that has a GPU, though this one has none: an exported model."""
    token = _elsewhere.set(True)
    try:
        yield
    finally:
        _elsewhere.reset(token)


class FusedOnGPU:
    """Mixin of a Keras layer with a fused kernel for GPUs, which is traced only where a GPU may run it.

    Keras traces its two variants and the gradients of both, to let TensorFlow choose one when it knows the device; the
    other variant is the plain recurrence over the cell, equal to the bit.
    """

    def call(self, inputs: tf.Tensor, **kwargs: Any) -> Any:
        if _elsewhere.get() or tf.config.list_logical_devices("GPU"):
            return super().call(inputs, **kwargs)  # type: ignore[misc]
        return keras.layers.RNN.call(self, inputs, **kwargs)
