"""A validated table of ratings with integer entity indices, for baselines and metrics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import Total, root_mean_square, same


@dataclass(frozen=True)
class Interactions:
    """Ratings as parallel arrays of N rows.

    Attributes:
      user, item: int32[N], entity indices; 0 is the unknown entity.
      rating: float32[N].
      timestamp: int64[N], unix seconds.
      num_users, num_items: largest index that can occur on each side.

    Raises:
      ValueError: for columns of different lengths, an index out of range, or a rating that is not finite.
    """

    user: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    rating: npt.NDArray[np.float32]
    timestamp: npt.NDArray[np.int64]
    num_users: int
    num_items: int

    def __post_init__(self) -> None:
        lengths = {len(self.user), len(self.item), len(self.rating), len(self.timestamp)}
        if len(lengths) != 1:
            raise ValueError(f"columns should have equal lengths, received {sorted(lengths)}")
        for name, index, limit in (("user", self.user, self.num_users), ("item", self.item, self.num_items)):
            if len(index) and (index.min() < 0 or index.max() > limit):
                raise ValueError(f"{name} indices should be in 0..{limit}, received {index.min()}..{index.max()}")
        if not np.isfinite(self.rating).all():
            raise ValueError("ratings should be finite, received NaN or infinity")

    def __len__(self) -> int:
        return len(self.rating)

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.integer]) -> Interactions:
        """Returns the rows of a mask or an index array, in that order."""
        return Interactions(
            self.user[rows], self.item[rows], self.rating[rows], self.timestamp[rows], self.num_users, self.num_items
        )


def clipped_rmse(
    predicted: npt.NDArray[np.floating],
    actual: npt.NDArray[np.floating],
    rating_range: tuple[float, float],
    total: Total = same,
) -> float:
    """Computes the RMSE of predictions float[N] clipped to the range of training ratings; NaN if N is 0.

    Args:
      predicted, actual: float[N].
      rating_range: the least and the largest training rating.
      total: as for `rrn_tf.data.arrays.root_mean_square`.

    Raises:
      ValueError: for different shapes.
    """
    if predicted.shape != actual.shape:
        raise ValueError(f"predictions should have shape {actual.shape}, received {predicted.shape}")
    return root_mean_square(np.clip(predicted, *rating_range) - actual, total)
