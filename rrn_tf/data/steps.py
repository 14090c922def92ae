"""The rule by which an entity's step ends: after a span of time, or when its ratings have grown by a factor."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_MOST = 1 << 40  # ratings of one entity


class StepRule(NamedTuple):
    """How ratings of an entity are grouped into steps; Beam, in-memory data, updates and the SavedModel all use it.

    Two ratings belong to the same step if their time steps and their levels (`levels_of`) are equal. Both increase with
    time, and are equal for ratings of one second.

    Attributes:
      granularity: length of a time step in seconds.
      per_doubling: steps per doubling of the entity's ratings within a time step; 0 for one step per time step.
    """

    granularity: int
    per_doubling: int = 0


@functools.cache
def level_thresholds(per_doubling: int) -> npt.NDArray[np.int64]:
    """Returns the least number of earlier ratings of each level, ``ceil(2 ** (k / per_doubling))``: int64[levels - 1].

    The integers are exact, since steps must not depend on the rounding of logarithms.

    Args:
      per_doubling: see `StepRule`; if it is 0, there are no thresholds.
    """
    found: list[int] = []
    for k in range(per_doubling * (_MOST.bit_length() - 1)):
        count = round(2 ** (k / per_doubling))
        found.append(next(n for n in (count - 1, count, count + 1) if n > 0 and n**per_doubling >= 2**k))
    return np.array(found, np.int64)


def levels_of(earlier: npt.NDArray[np.int64], per_doubling: int) -> npt.NDArray[np.int64]:
    """Computes levels of ratings: 0 for an entity's first, and ``1 + floor(per_doubling * log2(c))`` after c others.

    Args:
      earlier: int64[N], number of the entity's ratings with a strictly smaller timestamp.
      per_doubling: see `StepRule`.

    Returns:
      int64[N]; all 0 if `per_doubling` is 0.
    """
    return np.searchsorted(level_thresholds(per_doubling), earlier, side="right")
