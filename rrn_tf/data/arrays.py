"""Index arithmetic on flat arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def concatenated_ranges(start: npt.NDArray[np.int64], size: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """``start[0], start[0] + 1, … (size[0] of them), start[1], …`` as one array."""
    offset = np.cumsum(size) - size
    return np.repeat(start - offset, size) + np.arange(int(size.sum()))
