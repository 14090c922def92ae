"""Seconds a component, told as a local run goes along."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

# What the local orchestrator logs around each node, in its own words.
_STARTED = "Component %s is running."
_FINISHED = "Component %s is finished."


@dataclass(eq=False)
class ComponentTimer(logging.Handler):
    """A log handler that times the nodes of a local run; the orchestrator offers no other hook.

    Attributes:
      tell: called with a node's id and seconds when it has finished.
      seconds: wall-clock seconds of each finished node, in the order they ran.
      running: the node under way, if any.
    """

    tell: Callable[[str, float], None]
    seconds: dict[str, float] = field(default_factory=dict)
    running: str | None = None

    def __post_init__(self) -> None:
        super().__init__(logging.INFO)
        self._since = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Takes the orchestrator's start and finish lines; every other record passes by."""
        if record.msg == _STARTED and record.args:
            (self.running, self._since) = str(record.args[0]), time.monotonic()  # type: ignore[index]
        elif record.msg == _FINISHED and self.running:
            self.seconds[self.running] = time.monotonic() - self._since
            self.tell(self.running, self.seconds[self.running])
            self.running = None
