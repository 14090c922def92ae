"""What several workers, each a process with replicas of its own, have to agree on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf.cluster import several_workers


class WorkerError(RuntimeError):
    """The workers can't go on together."""


@contextmanager
def lost_workers() -> Iterator[None]:
    """Names what TensorFlow says at great length when another worker is gone.

    Raises:
      WorkerError: in place of TensorFlow's errors, where there are several workers.
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
    """Processes that train together."""
    resolver = strategy.cluster_resolver
    return len(resolver.cluster_spec().as_dict().get("worker", [])) + _chiefs(resolver) if resolver else 1


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that prepares, writes and reports; the only one always is."""
    if num_workers(strategy) == 1:
        return True
    resolver = strategy.cluster_resolver
    if _chiefs(resolver):
        return bool(resolver.task_type == "chief")
    return bool(resolver.task_type == "worker" and resolver.task_id == 0)


def own_replicas(strategy: tf.distribute.Strategy) -> list[int]:
    """Numbers, among those of all workers, of the replicas that this process runs."""
    numbers = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(context.replica_id_in_sync_group)
    )
    return [int(number) for number in strategy.experimental_local_results(numbers)]


def sum_of_workers(strategy: tf.distribute.Strategy, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """The sum of what each worker has, once every worker has come to this point.

    Args:
      strategy: where training runs.
      value: numbers (not booleans) of the same shape and dtype at every worker.
    """
    own = np.asarray(value)
    # TensorFlow crashes where workers exchange nothing.
    if num_workers(strategy) == 1 or not own.size:
        return own
    first = own_replicas(strategy)[0]

    def contribution(context: tf.distribute.distribute_lib.ValueContext) -> tf.Tensor:
        return tf.constant(own if context.replica_id_in_sync_group == first else np.zeros_like(own))

    values = strategy.experimental_distribute_values_from_function(contribution)
    with lost_workers():
        return strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None).numpy()


def from_chief(strategy: tf.distribute.Strategy, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """The chief's value, once every worker has come to this point.

    Args:
      strategy: where training runs.
      value: as that of `sum_of_workers`; only the chief's matters.
    """
    # A sum of one value and zeros is exact.
    return sum_of_workers(strategy, value if is_chief(strategy) else np.zeros_like(value))


def take_from_chief(strategy: tf.distribute.Strategy, variables: Iterable[tf.Variable]) -> None:
    """Sets variables to the chief's values."""
    if num_workers(strategy) > 1:
        for variable in variables:
            variable.assign(from_chief(strategy, variable.numpy()))


def _chiefs(resolver: tf.distribute.cluster_resolver.ClusterResolver) -> int:
    return len(resolver.cluster_spec().as_dict().get("chief", []))
