"""Where a row of ratings ends: with a span of time, or once its entity's ratings have grown by a factor."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_MOST = 1 << 40  # ratings of one entity


class StepRule(NamedTuple):
    """Which ratings of an entity make up a row, alike in Beam, in memory, in updates and in the SavedModel.

    Two ratings are of one row where their time steps and their levels (`levels_of`) agree. Both rise with time, and
    ratings of one second have the same of both.

    Attributes:
      granularity: length of a time step in seconds.
      per_doubling: rows that a doubling of the entity's ratings gives within one time step; 0 for one row a time step.
    """

    granularity: int
    per_doubling: int = 0


@functools.cache
def level_thresholds(per_doubling: int) -> npt.NDArray[np.int64]:
    """How many earlier ratings each level takes at least, ``ceil(2 ** (k / per_doubling))``: int64[levels - 1].

    Whole numbers, exactly: rows may not depend on the rounding of logarithms.

    Args:
      per_doubling: see `StepRule`; without steps by count there are no thresholds.
    """
    found: list[int] = []
    for k in range(per_doubling * (_MOST.bit_length() - 1)):
        count = round(2 ** (k / per_doubling))
        found.append(next(n for n in (count - 1, count, count + 1) if n > 0 and n**per_doubling >= 2**k))
    return np.array(found, np.int64)


def levels_of(earlier: npt.NDArray[np.int64], per_doubling: int) -> npt.NDArray[np.int64]:
    """Levels of ratings: 0 for an entity's first, and ``1 + floor(per_doubling * log2(c))`` after c others.

    Args:
      earlier: int64[N], how many of its entity's ratings have a strictly smaller timestamp than each.
      per_doubling: see `StepRule`.

    Returns:
      int64[N]; all 0 without steps by count.
    """
    return np.searchsorted(level_thresholds(per_doubling), earlier, side="right")
