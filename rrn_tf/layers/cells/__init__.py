"""Recurrent cells of the state towers, a module each; a new module in this folder is a new value of `model.cell`."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

NAMES: tuple[str, ...] = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def recurrent_layer(cell: str) -> Any:
    """The Keras layer class that unrolls a cell over time.

    Args:
      cell: one of `NAMES`.

    Returns:
      The `LAYER` of its module: called with `units`, `return_sequences`, `return_state`, `dtype` and `name`, and with a
      `cell` that takes one step.

    Raises:
      ValueError: for an unknown cell.

    Example:
      >>> recurrent_layer("gru").__name__
      'GRU'
    """
    if cell not in NAMES:
        raise ValueError(f"cell should be one of {', '.join(NAMES)}, received {cell!r}")
    return importlib.import_module(f"{__name__}.{cell}").LAYER
