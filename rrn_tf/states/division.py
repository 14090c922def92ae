"""Division of a side's entities among workers: each computes the states of its own, and all exchange the vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rrn_tf.data.batches import BatchPlan, Shares
from rrn_tf.data.sequences import SideSequences

Ints = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]

_PIECE = 1 << 20  # numbers that a worker gives at a time, in 4 MB: larger pieces are exchanged no faster


class Peers:
    """The workers that compute states together; this class is a process that does so alone.

    Attributes:
      number: this worker's number, from 0.
      count: how many workers there are.
    """

    number: int = 0
    count: int = 1

    def gather(self, own: Vectors, sizes: Sequence[int]) -> list[Vectors]:
        """Returns what each worker gives, in their order, after waiting until every worker calls this.

        Args:
          own: float32[sizes[number], n], what this worker gives.
          sizes: how many rows each worker gives; some may give none.
        """
        return [own]

    def exchange(self, values: Vectors, rows: Sequence[Ints]) -> None:
        """Sets each worker's rows of an array to what that worker has there, bit for bit.

        Args:
          values: float32[R, n], of which this worker has computed its rows.
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
        # Entities of no batch may have later steps, which are extrapolated from a newbie's state.
        self.owner = (np.arange(len(plan.rows)) % peers.count).astype(np.int16)
        parts = _divided(plan, peers.count)
        for worker, shares in enumerate(parts):
            for batch, replica in shares:
                self.owner[batch.entities(replica)] = worker
        self.shares = parts[peers.number]
        self.own = self.owner == peers.number

    def exchange_vectors(self, vectors: Vectors) -> None:
        """Completes float32[R, n], of which this worker has computed its entities' rows."""
        self._peers.exchange(vectors, self._each(self.owner[self._data.row_entity]))

    def exchange_states(self, states: Vectors) -> None:
        """Completes float32[E + 1, n], of which this worker has computed its entities' rows."""
        self._peers.exchange(states, self._each(self.owner))

    def _each(self, owner: npt.NDArray[np.int16]) -> list[Ints]:
        return [np.flatnonzero(owner == worker) for worker in range(self._peers.count)]


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
