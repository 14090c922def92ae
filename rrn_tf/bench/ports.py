"""Finds ports for servers that benchmarks and tests start."""

from __future__ import annotations

import contextlib
import socket


def free_ports(count: int) -> list[int]:
    """Returns different ports of this machine on which nobody listens at the moment.

    Args:
      count: how many.

    Example:
      >>> len(set(free_ports(3)))
      3
    """
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
