"""Reads the environment for other workers, without importing TensorFlow."""

from __future__ import annotations

import json
import os


def several_workers() -> bool:
    """Returns whether TF_CONFIG, the variable by which TensorFlow's processes find each other, has several workers.

    Raises:
      ValueError: if it is not the JSON that TensorFlow documents.
    """
    text = os.environ.get("TF_CONFIG", "")
    try:
        cluster = json.loads(text or "{}").get("cluster", {})
        return sum(len(cluster.get(kind, [])) for kind in ("chief", "worker")) > 1
    except (ValueError, AttributeError, TypeError):
        raise ValueError(f"TF_CONFIG should be JSON with a cluster of lists of addresses, received {text!r}") from None
