"""The data sets of the papers, as published: a module each with a `SET`, which is found; `tfds:NAME` reads them."""

from __future__ import annotations

import importlib
import pkgutil

from rrn_tf.data.paper_sets.paper_set import PaperSet, Part

__all__ = ["SETS", "PaperSet", "Part"]


def _found() -> dict[str, PaperSet]:
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return {module.SET.name: module.SET for module in modules if hasattr(module, "SET")}


SETS = _found()
