"""Gathering rows of large tables."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def gathered(table: Any, index: tf.Tensor) -> tf.Tensor:
    """Gathers rows of a variable like `tf.gather`, which however first copies the whole of a mirrored variable."""
    try:
        return table.sparse_read(index)
    except AttributeError:
        return tf.raw_ops.ResourceGather(resource=table.handle, indices=index, dtype=table.dtype)
