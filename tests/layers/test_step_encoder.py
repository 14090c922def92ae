"""Eq. 5, beyond the shared contract."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.layers import InnovationEncoder, StepContext, StepEncoder

MANY = 1000  # ratings in a step: bfloat16 counts to 256


def test_gradient_touches_only_the_entities_that_were_rated() -> None:
    layer = StepEncoder(6, 2)
    opposite = tf.constant([5, 2, 5])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer((opposite, tf.ones([3]), tf.constant([0, 1, -1]), tf.zeros([1, 2, 3]))))
    gradient = tape.gradient(loss, layer.embedding)
    assert isinstance(gradient, tf.IndexedSlices)
    assert set(gradient.indices.numpy()) <= {2, 5}


def test_half_precision_sums_many_ratings() -> None:
    slot, context = tf.zeros([MANY], tf.int32), tf.zeros([1, 1, 3])
    encoder = StepEncoder(MANY, 1, dtype="mixed_bfloat16")
    encoder.build(None)
    encoder.embedding.assign(tf.ones([MANY + 1, 1]))
    assert float(tf.squeeze(encoder((tf.range(MANY), tf.ones([MANY]), slot, context)))) == pytest.approx(MANY, rel=0.01)
    # The last feature is the logarithm of the count.
    encoder = InnovationEncoder(1, 1, dtype="mixed_bfloat16")
    encoder.build(None)
    encoder.kernel.assign([[[0.0], [0.0], [0.0], [1.0]]])
    found = float(tf.squeeze(encoder((tf.ones([MANY]), tf.ones([MANY, 1]), slot, context))))
    assert found == pytest.approx(np.log(1 + MANY), rel=0.01)


def test_half_precision_tells_days_apart() -> None:
    layer = StepContext(1, time_feature="delta", time_scale=1000.0, dtype="mixed_bfloat16")
    layer.build(None)
    layer.context_kernel.assign([[0.0], [1.0]])
    found = float(tf.squeeze(layer((tf.zeros([1, 1]), tf.constant([[[0.0, 1.502, 1.5]]])))))
    assert found == pytest.approx(np.log(3), rel=0.01)


@pytest.mark.parametrize(("opposite", "units"), [(-1, 2), (3, 0)])
def test_refuses_impossible_sizes(opposite: int, units: int) -> None:
    with pytest.raises(ValueError, match="should be"):
        StepEncoder(opposite, units)
