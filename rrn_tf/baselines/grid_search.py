"""The search over size and regulariser that models of events share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Parameters = TypeVar("Parameters")
Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Trial(Generic[Parameters]):
    """One setting, fitted: its size and regulariser, the rounds it was best after, what it scored and what it holds.

    The score is a validation NLL, NaN without validation events.
    """

    size: int
    regulariser: float
    rounds: int
    valid_nll: float
    parameters: Parameters


def search(
    trial: Callable[[int, float], Trial[Parameters]], sizes: Sequence[int], regularisers: Sequence[float]
) -> Trial[Parameters]:
    """The best setting of a coordinate descent.

    Args:
      trial: fits one size and regulariser.
      sizes: ascending; the regularisers are tried with the first, then more for as long as they help.
      regularisers: from the strongest on, tried until one is no better than the one before.
    """
    best = trial(sizes[0], regularisers[0])
    for regulariser in regularisers[1:]:
        tried = trial(sizes[0], regulariser)
        if tried.valid_nll >= best.valid_nll:
            break
        best = tried
    for size in sizes[1:]:
        tried = trial(size, best.regulariser)
        if tried.valid_nll >= best.valid_nll:
            break
        best = tried
    return best


def as_grid(name: str, values: Number | Sequence[Number], least: float) -> list[Number]:
    """One value or several as an ascending grid.

    Raises:
      ValueError: for an empty grid, or a value below the least.
    """
    grid = sorted(values if isinstance(values, Sequence) else [values])
    if not grid or grid[0] < least:
        raise ValueError(f"{name} should be one or more values of at least {least}, received {grid}")
    return grid
