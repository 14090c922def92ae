"""Named data sets, a module each; a new module in this folder is a new name that `--data` accepts.

A module `some_name` is the data set ``some-name``. It has

    OPTIONS   what may stand after its name, for messages: ``""``, ``":NAME"`` or ``"[:option=value,...]"``
    source(rest, cache)   the `DataSource` for what stands after the colon; files are made once, in the folder `cache`
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

NAMES: tuple[str, ...] = tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


def data_set(name: str) -> ModuleType:
    """The module of one of `NAMES`."""
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")


def described() -> str:
    """All names with what may stand after them, for messages."""
    return ", ".join(f"{name}{data_set(name).OPTIONS}" for name in NAMES)
