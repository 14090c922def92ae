"""What every baseline can do, so that one loop fits and compares them all."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from rrn_tf.data.interactions import Interactions

Fitted = TypeVar("Fitted", bound="Baseline")


class Baseline(Protocol):
    """A rating predictor without recurrent state, fitted on training ratings alone.

    Validation ratings choose options (regulariser, size, stopping), never parameters.
    """

    name: str

    def fit(self: Fitted, train: Interactions, valid: Interactions) -> Fitted:
        """Fits the model and returns it; `valid` may be empty, then defaults are used.

        Args:
          train: ratings before the cutoff.
          valid: later ratings, over the same entity indices.
        """
        ...

    def predict(
        self,
        user: npt.NDArray[np.integer],
        item: npt.NDArray[np.integer],
        timestamp: npt.NDArray[np.integer],
    ) -> npt.NDArray[np.float32]:
        """Predicted ratings, not clipped.

        Args:
          user, item: int[N], entity indices; 0 and entities without training ratings are unknown.
          timestamp: int64[N], unix seconds of the queries; stationary models ignore it.

        Returns:
          float32[N].
        """
        ...

    @property
    def num_parameters(self) -> int:
        """Numbers that the fitted model stores."""
        ...


def validation_rmse(train: Interactions, valid: Interactions, predicted: npt.NDArray[np.floating]) -> float:
    """RMSE on validation rows of predictions clipped to the training range, as the leaderboard scores them."""
    if predicted.shape != valid.rating.shape:
        raise ValueError(f"predictions should have shape {valid.rating.shape}, received {predicted.shape}")
    clipped = np.clip(predicted, train.rating.min(), train.rating.max())
    return float(np.sqrt(np.mean((clipped - valid.rating) ** 2, dtype=np.float64)))
