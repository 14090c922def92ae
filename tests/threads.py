"""Workers that are threads of one process, instead of processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from rrn_tf.data.arrays import Sums
from rrn_tf.states.division import Peers, Rows


class Thread(Peers):
    """One of several workers that are threads of this process.

    Attributes:
      sizes: what the workers gave, each time.
    """

    def __init__(self, number: int, meeting: threading.Barrier, table: list[Any]) -> None:
        self.number, self.count = number, meeting.parties
        self._meeting, self._table = meeting, table
        self.sizes: list[list[int]] = []

    def sum(self, values: Sums) -> Sums:
        return np.sum(self.gather(values[np.newaxis], [1] * self.count), axis=0)[0]

    def gather(self, own: Rows, sizes: Sequence[int]) -> list[Rows]:
        self._table[self.number] = own
        self._meeting.wait(600)
        found = list(self._table)
        self._meeting.wait(600)
        assert [len(given) for given in found] == list(sizes)
        self.sizes.append(list(sizes))
        return found


def together(count: int, work: Callable[[Thread], Any]) -> list[Any]:
    meeting, table = threading.Barrier(count), [None] * count

    def one(number: int) -> Any:
        try:
            return work(Thread(number, meeting, table))
        except BaseException:
            meeting.abort()  # or the others would wait
            raise

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
