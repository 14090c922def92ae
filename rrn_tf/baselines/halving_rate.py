"""Training to the best epoch on validation, at a rate that is halved whenever an epoch is no better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy.typing as npt


class Network(Protocol):
    """What can be put back to where it was."""

    @property
    def values(self) -> list[npt.NDArray[Any]]:
        """Copies of all weights."""
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
    """Trains until `patience` epochs in a row were no better, and leaves the network as it was at its best.

    Args:
      network: what `epoch` trains.
      epoch: trains for one epoch at a rate.
      score: of the network as it is, on validation; lower is better.
      rate: of the first epoch.
      max_epochs, patience: bounds.

    Returns:
      The best score and the epoch that reached it; 0 is the start.
    """
    best, best_at, values = score(), 0, network.values
    for done in range(1, max_epochs + 1):
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
