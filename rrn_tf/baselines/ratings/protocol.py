"""The interface of rating baselines, which lets one loop fit and compare them all."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from rrn_tf.data.interactions import Interactions, clipped_rmse

Fitted = TypeVar("Fitted", bound="Baseline")
FittedOnline = TypeVar("FittedOnline", bound="OnlineBaseline")


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
        """Predicts ratings, which are not clipped.

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


class OnlineBaseline(Protocol):
    """A rating predictor that learns from every rating in order of time, for the streaming protocol.

    Each rating is predicted from ratings with strictly smaller timestamps, and only then observed. (An RRN observes it
    later: at strictly later time steps, which are days or weeks.) Entities may be without training ratings, but have
    indices from 1 too.
    """

    name: str

    def fit(self: FittedOnline, train: Interactions, valid: Interactions) -> FittedOnline:
        """Fits the model to the training ratings and returns it; its state is that after the last of them.

        Args:
          train: ratings before the cutoff.
          valid: later ratings, which are streamed to choose options and then forgotten; may be empty.
        """
        ...

    def predict_stream(self, later: Interactions) -> npt.NDArray[np.float32]:
        """Predicts ratings, which are not clipped; the model is unchanged afterwards.

        Args:
          later: all N ratings after training, in any order, over the entity indices of training.

        Returns:
          float32[N].

        Raises:
          ValueError: for a rating that is not later than the training ratings.
        """
        ...

    @property
    def num_parameters(self) -> int:
        """Number of values that the fitted model stores at the end of training."""
        ...


def require_later(ratings: Interactions, last_time: int | None) -> None:
    """Raises a ValueError unless all streamed ratings are later than the last training timestamp, if any."""
    if last_time is not None and len(ratings) and (found := int(ratings.timestamp.min())) <= last_time:
        raise ValueError(
            f"streamed ratings should be later than the last training rating {last_time}, received {found}"
        )


def validation_rmse(train: Interactions, valid: Interactions, predicted: npt.NDArray[np.floating]) -> float:
    """Computes the RMSE on validation ratings with predictions clipped to the training range, as in the leaderboard."""
    return clipped_rmse(predicted, valid.rating, (train.rating.min(), train.rating.max()))
