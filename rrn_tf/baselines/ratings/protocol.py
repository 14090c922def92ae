"""What every baseline can do, so that one loop fits and compares them all."""

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


class OnlineBaseline(Protocol):
    """A rating predictor that learns from every rating as it comes: a baseline of the streaming protocol.

    Each rating is predicted from ratings with strictly smaller timestamps, then revealed; ratings of one timestamp are
    all predicted before any is revealed. (RRN's own streaming reveals later: to strictly later steps, which are days or
    weeks.) Entities may be without training ratings, but have indices of their own, from 1.
    """

    name: str

    def fit(self: FittedOnline, train: Interactions, valid: Interactions) -> FittedOnline:
        """Fits the model, to go on from the last training rating, and returns it.

        Args:
          train: ratings before the cutoff.
          valid: later ratings, streamed to choose options, then forgotten; may be empty.
        """
        ...

    def predict_stream(self, later: Interactions) -> npt.NDArray[np.float32]:
        """Predicted ratings, not clipped; the model forgets the later ratings again.

        Args:
          later: all N ratings after training, in any order, over the entity indices of training.

        Returns:
          float32[N].

        Raises:
          ValueError: for a rating that is not later than training.
        """
        ...

    @property
    def num_parameters(self) -> int:
        """Numbers that the fitted model stores at the end of training."""
        ...


def require_later(ratings: Interactions, last_time: int | None) -> None:
    """Refuses streamed ratings that are no later than the last training timestamp, if there is one."""
    if last_time is not None and len(ratings) and (found := int(ratings.timestamp.min())) <= last_time:
        raise ValueError(
            f"streamed ratings should be later than the last training rating {last_time}, received {found}"
        )


def validation_rmse(train: Interactions, valid: Interactions, predicted: npt.NDArray[np.floating]) -> float:
    """RMSE on validation rows of predictions clipped to the training range, as the leaderboard scores them."""
    return clipped_rmse(predicted, valid.rating, (train.rating.min(), train.rating.max()))
