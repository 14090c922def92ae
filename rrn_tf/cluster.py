"""What the environment says of other workers; imports no TensorFlow."""

from __future__ import annotations

import json
import os


def several_workers() -> bool:
    """Whether TF_CONFIG, the variable by which TensorFlow's processes find each other, names more than one worker.

    Raises:
      ValueError: where it is not the JSON that TensorFlow documents.
    """
    text = os.environ.get("TF_CONFIG", "")
    try:
        cluster = json.loads(text or "{}").get("cluster", {})
        return sum(len(cluster.get(kind, [])) for kind in ("chief", "worker")) > 1
    except (ValueError, AttributeError, TypeError):
        raise ValueError(f"TF_CONFIG should be JSON with a cluster of lists of addresses, received {text!r}") from None
