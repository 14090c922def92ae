"""Finds the baselines: each module of a package that names some is on the leaderboard."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any


def fresh_baselines(package: ModuleType, function: str, seed: int) -> list[Any]:
    """Unfitted baselines of all modules of a package, in order of the modules' names.

    Args:
      package: such as `rrn_tf.baselines.ratings`.
      function: name of the function by which a module gives its baselines; modules without it are passed over.
      seed: the function's argument, for baselines that draw random numbers.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."))
    makers = (getattr(importlib.import_module(name), function, None) for name in names)
    return [baseline for make in makers if make for baseline in make(seed)]
