"""What is fuzzed: each target takes bytes, and raises where neither a result nor an error of ours came."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

# The module of each target, a function of its name. They are imported when they are wanted: some import TensorFlow.
TARGETS = {
    "rows": "readers",
    "configuration": "readers",
    "sequences": "sequences",
    "rating_requests": "requests",
    "event_requests": "requests",
}


def target(name: str) -> Callable[[bytes], None]:
    """Returns a target by its name."""
    found: Callable[[bytes], None] = getattr(import_module(f"tests.fuzz.{TARGETS[name]}"), name)
    return found


def one_line(error: Exception) -> None:
    """Checks that the message of an error is one line."""
    message = str(error)
    assert message, "an error without a message"
    assert "\n" not in message, f"more than one line: {message!r}"
