"""Functions shared by all scorers of events: the preceding item, means by user, and ranks among all items."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split

Positions = npt.NDArray[np.int64]


def positions_of(sequences: EventSequences, splits: Iterable[Split]) -> Positions:
    """Returns the positions of the events of some splits, ascending: int64[N]."""
    return np.flatnonzero(np.isin(sequences.split, [int(split) for split in splits]))


def previous_items(sequences: EventSequences, positions: Positions) -> npt.NDArray[np.int64]:
    """Returns the item of the same user's preceding event at each position, 0 if there is none: int64[N]."""
    first = sequences.user_splits[sequences.user[positions]]
    return np.where(positions > first, sequences.item[np.maximum(positions - 1, 0)], 0).astype(np.int64)


def user_means(
    values: npt.NDArray[np.floating], user: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.float64]]:
    """Averages the values of each user that has any.

    Args:
      values: float[N].
      user: int[N], the user of each value.

    Returns:
      users: int[U], ascending.
      means: float64[U].

    Raises:
      ValueError: for different shapes, or values that are not finite.
    """
    if np.ndim(values) != 1 or np.shape(values) != np.shape(user):
        raise ValueError(
            f"values and users should have one shape [N], received {np.shape(values)} and {np.shape(user)}"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"values should be finite, received {(~np.isfinite(values)).sum()} NaN or infinity")
    users, row = np.unique(user, return_inverse=True)
    return users, np.bincount(row, values) / np.maximum(np.bincount(row), 1)


def middle_ranks(scores: npt.NDArray[np.floating], column: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
    """Computes the rank of one column of each row among all columns, 1 for the highest score.

    Columns with equal scores all get the middle of their ranks, so that a model that cannot tell items apart does not
    profit from their order; ranks may therefore be half-integers.

    Args:
      scores: float[B, M].
      column: int[B], from 0.

    Returns:
      float32[B].
    """
    true = np.take_along_axis(scores, column[:, np.newaxis], axis=1)
    above, equal = (np.count_nonzero(comparison, axis=1) for comparison in (scores > true, scores == true))
    return (above + (equal + 1) / 2).astype(np.float32)
