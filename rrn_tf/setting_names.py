"""Names of settings, to suggest one in place of a name that does not exist."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Iterator
from typing import get_type_hints


def no_such_setting(path: str, kind: type) -> str:
    """Returns a message about a setting that does not exist, with the names that may be meant.

    Args:
      path: path of the setting, such as ``trainig`` or ``training.epoch``.
      kind: class of the configuration.

    Example:
      >>> from rrn_tf.config import Config
      >>> no_such_setting("trainig", Config)
      "no such setting 'trainig'; did you mean training?"
      >>> no_such_setting("epochs", Config)
      "no such setting 'epochs'; did you mean training.epochs?"
    """
    section, _, key = path.rpartition(".")
    every = list(_paths(kind))
    siblings = [name for name in every if name.rpartition(".")[0] == section]
    found = [name for name in every if name.rpartition(".")[2] == key]
    for names in (siblings, every):
        if not found:
            by_key = {name.rpartition(".")[2]: name for name in reversed(names)}
            found = [by_key[close] for close in difflib.get_close_matches(key, by_key, n=1)]
    if found:
        return f"no such setting {path!r}; did you mean {' or '.join(found)}?"
    there = ", ".join(siblings) or ", ".join(every)
    return f"no such setting {path!r}; expected one of {there}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns ``; did you mean …?`` with the known name most like another one; empty if none is like it."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.75)
    return f"; did you mean {close[0]}?" if close else ""


def _paths(kind: type, before: str = "") -> Iterator[str]:
    """Yields the paths of all sections and settings of a configuration."""
    types = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        path = f"{before}{field.name}"
        yield path
        if dataclasses.is_dataclass(types[field.name]):
            yield from _paths(types[field.name], f"{path}.")
