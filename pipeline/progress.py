"""Times the components of a local run while it runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rrn_tf import slow_work

# The messages that the local orchestrator logs before and after each node.
_STARTED = "Component %s is running."
_FINISHED = "Component %s is finished."


@dataclass(eq=False)
class ComponentTimer(logging.Handler):
    """A log handler that times the nodes of a local run; the orchestrator offers no other hook.

    Attributes:
      tell: called with a node's id and seconds when it has finished.
      seconds: wall-clock seconds of each finished node, in the order they ran.
      running: the current node, if any.
      components: number of nodes, once it is known.
    """

    tell: Callable[[str, float], None]
    seconds: dict[str, float] = field(default_factory=dict)
    running: str | None = None
    components: int | None = None

    def __post_init__(self) -> None:
        super().__init__(logging.INFO)
        self._since = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Handles the orchestrator's start and finish messages; ignores all other records."""
        if record.msg == _STARTED and record.args:
            (self.running, self._since) = str(record.args[0]), time.monotonic()  # type: ignore[index]
            slow_work.tell("components", len(self.seconds), self.components)
            slow_work.tell(self.running, 0)
        elif record.msg == _FINISHED and self.running:
            self.seconds[self.running] = time.monotonic() - self._since
            slow_work.end(self.running)
            slow_work.tell("components", len(self.seconds), self.components)
            self.tell(self.running, self.seconds[self.running])
            self.running = None
