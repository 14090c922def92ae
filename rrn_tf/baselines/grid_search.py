"""The search over model size and regulariser that baselines for events share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Parameters = TypeVar("Parameters")
Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Trial(Generic[Parameters]):
    """A fitted setting: size and regulariser, number of training rounds, validation NLL and fitted parameters.

    The validation NLL is NaN without validation events.
    """

    size: int
    regulariser: float
    rounds: int
    valid_nll: float
    parameters: Parameters


def search(
    trial: Callable[[int, float], Trial[Parameters]], sizes: Sequence[int], regularisers: Sequence[float]
) -> Trial[Parameters]:
    """Returns the best setting that a coordinate descent finds.

    Args:
      trial: fits the model with one size and regulariser.
      sizes: sizes, ascending; the first is used for all regularisers, then larger ones are tried while they help.
      regularisers: regularisers from the strongest on, which are tried until one is no better than the one before.
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
    """Returns one value or several as an ascending list.

    Raises:
      ValueError: if there is no value, or one below `least`.
    """
    grid = sorted(values if isinstance(values, Sequence) else [values])
    if not grid or grid[0] < least:
        raise ValueError(f"{name} should be one or more values of at least {least}, received {grid}")
    return grid
