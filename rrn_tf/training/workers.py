"""Communication between several workers, each of them a process with its own replicas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.cluster import several_workers
from rrn_tf.data.arrays import Sums
from rrn_tf.states.division import Peers, Rows


class WorkerError(RuntimeError):
    """Raised if workers cannot continue together."""


@contextmanager
def lost_workers() -> Iterator[None]:
    """Replaces TensorFlow's long errors about a lost worker by a short one.

    Raises:
      WorkerError: instead of TensorFlow's errors, if there are several workers.
    """
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError) as error:
        if not several_workers():
            raise
        raise WorkerError(
            "another worker stopped or cannot be reached; run again with --resume, all go on from the last checkpoint"
        ) from error


def num_workers(strategy: tf.distribute.Strategy) -> int:
    """Returns the number of processes that train together."""
    resolver = strategy.cluster_resolver
    return len(resolver.cluster_spec().as_dict().get("worker", [])) + _chiefs(resolver) if resolver else 1


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Returns whether this process is the one that prepares, writes and reports; a single process always is."""
    if num_workers(strategy) == 1:
        return True
    resolver = strategy.cluster_resolver
    if _chiefs(resolver):
        return bool(resolver.task_type == "chief")
    return bool(resolver.task_type == "worker" and resolver.task_id == 0)


def own_replicas(strategy: tf.distribute.Strategy) -> list[int]:
    """Returns the indices of this process's replicas among those of all workers."""
    numbers = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(context.replica_id_in_sync_group)
    )
    return [int(number) for number in strategy.experimental_local_results(numbers)]


def sum_of_workers(strategy: tf.distribute.Strategy, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """Returns the sum of all workers' values, after waiting until every worker calls this.

    Args:
      strategy: the strategy of the training.
      value: numbers (not booleans) of the same shape and dtype on every worker.
    """
    own = np.asarray(value)
    # TensorFlow crashes if workers exchange empty tensors.
    if num_workers(strategy) == 1 or not own.size:
        return own
    first = own_replicas(strategy)[0]

    def contribution(context: tf.distribute.distribute_lib.ValueContext) -> tf.Tensor:
        return tf.constant(own if context.replica_id_in_sync_group == first else np.zeros_like(own))

    values = strategy.experimental_distribute_values_from_function(contribution)
    with lost_workers():
        return strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None).numpy()


def from_chief(strategy: tf.distribute.Strategy, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """Returns the chief's value, after waiting until every worker calls this.

    Args:
      strategy: the strategy of the training.
      value: as in `sum_of_workers`; only the chief's is used.
    """
    # A sum of one value and zeros is exact.
    return sum_of_workers(strategy, value if is_chief(strategy) else np.zeros_like(value))


def take_from_chief(strategy: tf.distribute.Strategy, variables: Iterable[tf.Variable]) -> None:
    """Sets variables to the chief's values."""
    if num_workers(strategy) > 1:
        for variable in variables:
            variable.assign(from_chief(strategy, variable.numpy()))


class Workers(Peers):
    """The workers of a strategy, which compute states together.

    Args:
      strategy: the strategy of the training.

    Attributes:
      received: how many bytes this worker has received from the others so far.
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        own = own_replicas(strategy)
        self.count = num_workers(strategy)
        self.number = own[0] // len(own)
        self.received = 0
        self._strategy, self._first, self._each = strategy, own[0], len(own)
        # Outside a function TensorFlow would trace the operation again for every piece.
        self._gather = tf.function(lambda values: strategy.gather(values, axis=0), reduce_retracing=True)

    def sum(self, values: Sums) -> Sums:
        return sum_of_workers(self._strategy, values)

    def gather(self, own: Rows, sizes: Sequence[int]) -> list[Rows]:
        width = own.shape[1]
        nothing = np.zeros([1, width], own.dtype)  # TensorFlow crashes if workers exchange empty tensors

        def contribution(context: tf.distribute.distribute_lib.ValueContext) -> tf.Tensor:
            return tf.constant(own if context.replica_id_in_sync_group == self._first and len(own) else nothing)

        values = self._strategy.experimental_distribute_values_from_function(contribution)
        with lost_workers():
            found = self._gather(values).numpy()
        self.received += own.itemsize * width * (sum(sizes) - len(own))
        given = np.maximum(sizes, 1) + self._each - 1  # by all replicas of each worker
        begins = np.cumsum(given) - given
        return [found[begin : begin + size] for begin, size in zip(begins, sizes, strict=True)]


def _chiefs(resolver: tf.distribute.cluster_resolver.ClusterResolver) -> int:
    return len(resolver.cluster_spec().as_dict().get("chief", []))
