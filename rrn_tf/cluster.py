"""Reads the environment for other workers, without importing TensorFlow."""

from __future__ import annotations

import json
import os
from typing import NoReturn

_KINDS = ("chief", "worker")


def several_workers() -> bool:
    """Returns whether TF_CONFIG, the variable by which TensorFlow's processes find each other, has several workers.

    Raises:
      ValueError: if it is not the JSON that TensorFlow documents; the message says what is wrong, but not its content.
    """
    text = os.environ.get("TF_CONFIG", "")
    try:
        value = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        _refuse(f"{len(text)} characters that are no JSON: {error.msg} at character {error.pos}")
    except RecursionError:
        _refuse("JSON in too many levels")
    if not isinstance(value, dict):
        _refuse(f"JSON of the type {type(value).__name__}")
    cluster = value.get("cluster", {})
    if not isinstance(cluster, dict):
        _refuse(f"a cluster of the type {type(cluster).__name__}")
    for kind in _KINDS:
        if not isinstance(cluster.get(kind, []), list):
            _refuse(f"a {kind} of the type {type(cluster[kind]).__name__}")
    return sum(len(cluster.get(kind, [])) for kind in _KINDS) > 1


def _refuse(found: str) -> NoReturn:
    raise ValueError(f"TF_CONFIG should be JSON with a cluster of lists of addresses, received {found}") from None
