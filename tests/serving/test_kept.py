"""Dropping elements of rows: equal to TensorFlow's own masks."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.serving.kept import kept_cells, kept_values


@pytest.mark.parametrize("shape", [(0, 0), (3, 0), (0, 4), (1, 1), (5, 7)])
def test_rows_are_those_of_tensorflows_masks(shape: tuple[int, int], rng: np.random.Generator) -> None:
    cells = tf.constant(rng.integers(-1, 3, shape), tf.int64)
    expected = tf.ragged.boolean_mask(cells, cells > 0)
    rows = tf.RaggedTensor.from_tensor(cells)
    for found in (kept_cells(cells, cells > 0), kept_values(rows, rows.values > 0)):
        assert found.to_list() == expected.to_list()
        assert (found.dtype, found.row_splits.dtype) == (tf.int64, tf.int64)


def test_rows_of_different_lengths(rng: np.random.Generator) -> None:
    rows = tf.RaggedTensor.from_row_lengths(tf.constant(rng.integers(-1, 3, 9), tf.int64), [0, 4, 0, 5])
    assert kept_values(rows, rows.values > 0).to_list() == tf.ragged.boolean_mask(rows, rows > 0).to_list()
