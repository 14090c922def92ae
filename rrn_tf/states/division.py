"""Division of a side's entities among workers: each computes the states of its own, and all exchange the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import Sums
from rrn_tf.data.batches import BatchPlan, Shares
from rrn_tf.data.sequences import SideSequences

Ints = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[Any]

_PIECE = 1 << 20  # numbers that a worker gives at a time, in 4 MB: larger pieces are exchanged no faster


class Peers:
    """The workers that compute states together; this class is a process that does so alone.

    Attributes:
      number: this worker's number, from 0.
      count: how many workers there are.
    """

    number: int = 0
    count: int = 1

    def gather(self, own: Rows, sizes: Sequence[int]) -> list[Rows]:
        """Returns what each worker gives, in their order, after waiting until every worker calls this.

        Args:
          own: number[sizes[number], n], what this worker gives; of one dtype.
          sizes: how many rows each worker gives; some may give none.
        """
        return [own]

    def sum(self, values: Sums) -> Sums:
        """Returns the sum of float64[n] of all workers, after waiting until every worker calls this."""
        return values

    def exchange(self, values: Rows, rows: Sequence[Ints]) -> None:
        """Sets each worker's rows of an array to what that worker has there, bit for bit.

        Args:
          values: number[R, n], of which this worker has computed its rows.
          rows: per worker, int64[k], its rows.
        """
        size = max(_PIECE // values.shape[1], 1)
        for begin in range(0, max(map(len, rows)) if self.count > 1 else 0, size):
            piece = [of[begin : begin + size] for of in rows]
            found = self.gather(values[piece[self.number]], list(map(len, piece)))
            for place, theirs in zip(piece, found, strict=True):
                values[place] = theirs


class Division:
    """Which worker computes which of a side's entities; all workers agree, without asking each other.

    Where ratings are divided among the workers, each computes the entities whose ratings it holds; the plan's shares
    then hold entities of one worker each.

    Args:
      plan: the side's batches, which are divided.
      data: the side.
      peers: the workers.

    Attributes:
      shares: this worker's shares of the batches, each a batch and the number of a replica.
      owner: int16[E + 1], the number of the worker that computes each entity.
      own: bool[E + 1], whether it is this one.
    """

    def __init__(self, plan: BatchPlan, data: SideSequences, peers: Peers) -> None:
        self._data, self._peers = data, peers
        if data.divided:
            self.owner = data.divided.owner
            own = [(batch, replica, batch.entities(replica)) for batch, replica in plan.every_share]
            self.shares = [
                (batch, replica) for batch, replica, of in own if len(of) and self.owner[of[0]] == peers.number
            ]
        else:
            parts = _divided(plan, peers.count)
            self.owner = _owner(plan, peers.count, parts)
            self.shares = parts[peers.number]
        self.own = self.owner == peers.number

    def exchange_vectors(self, vectors: Vectors) -> None:
        """Completes float32[R, n], of which this worker has computed its entities' rows."""
        self._peers.exchange(vectors, self._each(self.owner[self._data.row_entity]))

    def exchange_states(self, states: Rows) -> None:
        """Completes number[E + 1, …], of which this worker has computed its entities' rows."""
        self._peers.exchange(states.reshape(len(states), -1), self._each(self.owner))

    def _each(self, owner: npt.NDArray[np.int16]) -> list[Ints]:
        return [np.flatnonzero(owner == worker) for worker in range(self._peers.count)]


def training_owner(plan: BatchPlan, workers: int) -> npt.NDArray[np.int16]:
    """Returns int16[E + 1], the number of the worker that trains on each entity of a plan with shares for replicas."""
    parts: list[list[tuple[Shares, int]]] = [[] for _ in range(workers)]
    for batch, replica in plan.every_share:
        parts[replica * workers // len(batch)].append((batch, replica))
    return _owner(plan, workers, parts)


def _owner(plan: BatchPlan, workers: int, parts: list[list[tuple[Shares, int]]]) -> npt.NDArray[np.int16]:
    # Entities of no batch may have later steps, which are extrapolated from a newbie's state.
    owner = (np.arange(len(plan.rows)) % workers).astype(np.int16)
    for worker, shares in enumerate(parts):
        for batch, replica in shares:
            owner[batch.entities(replica)] = worker
    return owner


def _divided(plan: BatchPlan, workers: int) -> list[list[tuple[Shares, int]]]:
    """Divides shares of batches among workers, so that none has more than an even part of the steps and one share.

    As far as that goes, a worker has the shares of its own replicas, which it builds for training too.
    """
    parts: list[list[tuple[Shares, int]]] = [[] for _ in range(workers)]
    every = plan.every_share
    steps = [
        int(plan.rows[batch.entities(replica)].max(initial=0)) * len(batch.entities(replica))
        for batch, replica in every
    ]
    load, even = np.zeros(workers, np.int64), sum(steps) / workers
    for (batch, replica), more in zip(every, steps, strict=True):
        worker = replica * workers // len(batch)
        if len(batch) < workers or load[worker] + more > even:
            worker = int(load.argmin())
        load[worker] += more
        parts[worker].append((batch, replica))
    return parts
