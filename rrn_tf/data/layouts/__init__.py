"""Published layouts of ratings and events, one entry each; a module of this package with a list `LAYOUTS` is found."""

from __future__ import annotations

import importlib
import os
import pkgutil

from rrn_tf.data.layouts.layout import Layout

__all__ = ["LAYOUTS", "Layout", "split_layout"]


def _found() -> dict[str, Layout]:
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    return {layout.name: layout for module in modules for layout in getattr(module, "LAYOUTS", ())}


LAYOUTS = _found()


def split_layout(pattern: str) -> tuple[str, str]:
    """Splits a pattern such as ``brightkite:PATH`` into the name of a layout, empty if there is none, and the rest."""
    name, colon, rest = pattern.partition(":")
    return (name, rest) if colon and name in LAYOUTS and not os.path.exists(pattern) else ("", pattern)
