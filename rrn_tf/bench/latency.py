"""Measures latencies of single requests, and throughput of concurrent ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

_WARM_UP = 10


def latencies(ask: Callable[[int], Any], requests: int) -> dict[str, float]:
    """Measures the latency of requests that are sent one at a time.

    Args:
      ask: sends request number n, from 0, and waits for its response.
      requests: number of requests to time, after some warm-up requests.

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
    """Measures the throughput of concurrent clients, each of which sends one request after the other.

    Args:
      clients: functions that send request number n and wait for its response.
      seconds: duration of the measurement.
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
