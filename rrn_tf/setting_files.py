"""Settings in YAML: files of them, and the value of a single one."""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import Any

import yaml


class ConfigError(ValueError):
    """A configuration value is invalid; the message contains what was expected and what was found.

    Attributes:
      path: path of the setting or section, such as ``training.epochs``; empty if the error is not about one.
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.path = path


def short(value: Any) -> str:
    """Returns the start of a value's `repr`. Aliases in a few lines of YAML can make a value of any size."""
    shortened = reprlib.Repr()
    shortened.maxlevel, shortened.maxstring, shortened.maxother = 2, 200, 200
    return shortened.repr(value)


_MOST_VALUES = 100_000  # a file of settings has some hundred


class _Loader(yaml.SafeLoader):
    """A safe YAML loader that leaves an unquoted date as text, and refuses aliases of huge or endless values."""

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None and _size(node, {}) > _MOST_VALUES:
            raise yaml.YAMLError(f"more than {_MOST_VALUES:,} values with those that aliases repeat")
        return node


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Returns the number of values of a node with each alias written out; `known` has those of nodes seen before."""
    if id(node) in known:
        if not known[id(node)]:
            raise yaml.YAMLError("an alias within the value that it stands for")
        return known[id(node)]
    known[id(node)] = 0
    inner = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
    size = 1 if isinstance(node, yaml.ScalarNode) else 1 + sum(_size(part, known) for part in inner)
    known[id(node)] = size
    return size


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_yaml(text: str) -> Any:
    """Reads a text of YAML.

    Raises:
      ConfigError: for text that is not YAML, with what is wrong in which line.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except RecursionError:
        raise ConfigError("not readable as YAML: nested too deeply") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or next(iter(str(error).splitlines()), "")
        found = f"{problem} in line {mark.line + 1}" if mark else str(problem)
        raise ConfigError(f"not readable as YAML: {found}") from None
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
        # What PyYAML raises for a value that is not of its tag, such as `!!bool maybe` or `0b_`.
        raise ConfigError("not readable as YAML: a value does not fit its type") from None


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a YAML file that maps names to values.

    Raises:
      ConfigError: for a file that is missing, not YAML, or not a mapping.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: {'expected a file, found a folder' if path.exists() else 'no such file'}")
    try:
        values = parse_yaml(path.read_text(encoding="utf-8"))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected YAML, found bytes that are not UTF-8 text") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected names and their values, found {type(values).__name__}")
    return values
