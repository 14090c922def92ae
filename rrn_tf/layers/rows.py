"""Rows of large tables."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def gathered(table: Any, index: tf.Tensor) -> tf.Tensor:
    """Rows of a variable, as `tf.gather`, which however copies the whole of a mirrored variable before."""
    try:
        return table.sparse_read(index)
    except AttributeError:
        return tf.raw_ops.ResourceGather(resource=table.handle, indices=index, dtype=table.dtype)
