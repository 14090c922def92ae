from __future__ import annotations

import numpy as np
import tensorflow as tf
import tf_keras as keras

from rrn_tf.baselines.sparse_adam import SparseAdam


def test_dense_steps_are_those_of_keras() -> None:
    rng = np.random.default_rng(0)
    start, gradients = rng.standard_normal((4, 3)), rng.standard_normal((5, 4, 3)).astype(np.float32)
    ours, theirs = (tf.Variable(start, dtype=tf.float32) for _ in range(2))
    lazy, stock = SparseAdam([ours]), keras.optimizers.legacy.Adam(0.1)
    for gradient in gradients:
        lazy.apply([tf.constant(gradient)], tf.constant(0.1))
        stock.apply_gradients([(tf.constant(gradient), theirs)])
    np.testing.assert_allclose(ours, theirs, atol=1e-5)  # 1 - beta^t in single precision


def test_sparse_steps_are_dense_ones_of_their_rows() -> None:
    rng = np.random.default_rng(1)
    start, gradients = rng.standard_normal((4, 3)), rng.standard_normal((5, 2, 3)).astype(np.float32)
    rows = np.array([3, 1])
    whole, part = tf.Variable(start, dtype=tf.float32), tf.Variable(start[rows], dtype=tf.float32)
    sparse, dense = SparseAdam([whole]), SparseAdam([part])
    for gradient in gradients:
        sparse.apply([tf.IndexedSlices(tf.constant(gradient), rows)], tf.constant(0.1))
        dense.apply([tf.constant(gradient)], tf.constant(0.1))
    np.testing.assert_allclose(whole.numpy()[rows], part, rtol=1e-6)
    np.testing.assert_array_equal(whole.numpy()[[0, 2]], start.astype(np.float32)[[0, 2]])
