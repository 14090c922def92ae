"""What a process does when it is told to end, by SIGTERM or, as a terminal is closed, by SIGHUP."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def told_to_end(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Has a handler called, inside, for signals that would end this process.

    What somebody else handles or ignores, as `nohup` does, is left to them; so are all signals outside of the main
    thread, where Python lets nobody handle any.

    Args:
      handler: takes the signal's number and a frame.
    """
    taken = []
    if threading.current_thread() is threading.main_thread():
        taken = [one for one in _SIGNALS if signal.getsignal(one) is signal.SIG_DFL]
    for one in taken:
        signal.signal(one, handler)
    try:
        yield
    finally:
        for one in taken:
            signal.signal(one, signal.SIG_DFL)


def code_of(number: int) -> int:
    """Returns the exit code by which a shell tells of a process that a signal has ended.

    >>> code_of(15)
    143
    """
    return 128 + number
