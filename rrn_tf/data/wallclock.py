"""Time steps and the scaled wallclock, computed alike for both sides, in training and serving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rrn_tf.data.metadata import SequenceMetadata
from rrn_tf.features import Side

if TYPE_CHECKING:
    from rrn_tf.data.sequences import SideSequences

NEVER = int(np.iinfo(np.int64).min)  # the last step of an entity without ratings


def step_of(timestamp: Any, cutoff: int, granularity: int) -> Any:
    """Computes time steps, aligned to the cutoff so that none straddles it: training steps are negative.

    Args:
      timestamp: int64[N], array or tensor, unix seconds.
      cutoff: unix seconds.
      granularity: length of a step in seconds.

    Returns:
      int64[N], ``floor((timestamp - cutoff) / granularity)``.
    """
    return (timestamp - cutoff) // granularity


def wallclock_of(step: Any, metadata: SequenceMetadata, side: Side) -> Any:
    """Computes the scaled wallclock at the start of time steps (float64 array in, float64 array out).

    It has zero mean and unit variance over the training ratings (Wu et al., WSDM 2017, Section 4.1).
    """
    seconds = metadata.cutoff - metadata.wallclock_mean + step * float(metadata.granularity(side))
    return seconds / metadata.wallclock_std


def step_contexts(
    sequences: SideSequences,
    metadata: SequenceMetadata,
    start: npt.NDArray[np.float32] | None = None,
    rows: npt.NDArray[np.integer] | None = None,
) -> npt.NDArray[np.float32]:
    """Returns the inputs of `rrn_tf.layers.StepContext` for n of a side's R steps: float32[n, 3].

    Args:
      sequences: the side.
      metadata: for the wallclock.
      start: float32[n, 2], newbie flag and wallclock of what precedes an entity's first step; newbies by default.
      rows: int[n], indices of steps; by default all, in order.
    """
    rows = np.arange(sequences.num_rows) if rows is None else rows
    # The step before step 0 is not looked at: step 0 is an entity's first one.
    wallclock, before = (
        wallclock_of(sequences.step[index], metadata, sequences.side).astype(np.float32) for index in (rows, rows - 1)
    )
    first = sequences.row_splits[sequences.row_entity[rows]] == rows
    newbie, previous = (np.float32(1), np.float32(0)) if start is None else start.T
    return np.stack([first * newbie, wallclock, np.where(first, previous, before)], axis=1)
