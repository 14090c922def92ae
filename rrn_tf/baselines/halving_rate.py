"""Early stopping on validation, with a learning rate that is halved after every epoch without improvement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy.typing as npt

from rrn_tf.slow_work import each


class Network(Protocol):
    """A network with weights that can be copied and restored."""

    @property
    def values(self) -> list[npt.NDArray[Any]]:
        """Returns copies of all weights."""
        ...

    def assign(self, values: Sequence[npt.NDArray[Any]]) -> None:
        """Sets all weights."""
        ...


def train_to_best(
    network: Network,
    epoch: Callable[[float], None],
    score: Callable[[], float],
    rate: float,
    max_epochs: int,
    patience: int,
) -> tuple[float, int]:
    """Trains until `patience` epochs in a row bring no improvement, then restores the best weights.

    Args:
      network: the network that `epoch` trains.
      epoch: trains the network for one epoch at a learning rate.
      score: computes the validation score of the network; lower is better.
      rate: learning rate of the first epoch.
      max_epochs, patience: the most epochs, and the number of epochs without improvement after which training ends.

    Returns:
      The best score and the epoch that reached it, 0 for the initial weights.
    """
    best, best_at, values = score(), 0, network.values
    for done in each(range(1, max_epochs + 1), "epochs, at most"):
        epoch(rate)
        found = score()
        if found < best:
            best, best_at, values = found, done, network.values
        elif done - best_at == patience:
            break
        else:
            rate /= 2
    network.assign(values)
    return best, best_at
