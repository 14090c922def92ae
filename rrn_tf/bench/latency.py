"""Seconds of single requests and of many at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

_WARM_UP = 10


def latencies(ask: Callable[[int], Any], requests: int) -> dict[str, float]:
    """Asks again and again, one request at a time.

    Args:
      ask: makes request number n, from 0, and waits for its answer.
      requests: how many to time, after some that are not.

    Returns:
      `p50_ms`, `p95_ms` and `p99_ms`, milliseconds, and `requests`.
    """
    for number in range(_WARM_UP):
        ask(number)
    seconds = np.empty(requests)
    for number in range(requests):
        begin = time.perf_counter()
        ask(_WARM_UP + number)
        seconds[number] = time.perf_counter() - begin
    percentiles = {f"p{percent}_ms": float(np.percentile(seconds, percent)) * 1e3 for percent in (50, 95, 99)}
    return {**percentiles, "requests": requests}


def requests_per_second(clients: Sequence[Callable[[int], Any]], seconds: float) -> float:
    """Answers a second that clients get who ask at the same time, each one request after the other.

    Args:
      clients: each makes its request number n and waits for its answer.
      seconds: how long.
    """
    end = time.perf_counter() + seconds

    def run(ask: Callable[[int], Any]) -> int:
        answered = 0
        while time.perf_counter() < end:
            ask(answered)
            answered += 1
        return answered

    begin = time.perf_counter()
    with ThreadPoolExecutor(len(clients)) as pool:
        answered = sum(pool.map(run, clients))
    return answered / (time.perf_counter() - begin)
