"""The held-out ratings that figures of accuracy are about, and what every model predicted for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rrn_tf.data.interactions import Interactions
from rrn_tf.evaluation.experiments.exhibits import Omitted
from rrn_tf.evaluation.experiments.subjects import RatingSubject
from rrn_tf.evaluation.leaderboard import RatingPredictions
from rrn_tf.evaluation.metrics import rmse, rmse_difference
from rrn_tf.evaluation.protocols import WITH_UNSEEN, held_out_split
from rrn_tf.features import Side, Split

_KINDS = {Split.TEST: "test", Split.VALID: "validation"}


@dataclass(frozen=True)
class HeldOut:
    """Ratings that were held out of training, and predictions of them under one protocol.

    Attributes:
      kind: ``test``, or ``validation`` where there are no test ratings.
      ratings: N ratings.
      models: predictions by the model's name, the RRN first.
    """

    kind: str
    ratings: Interactions
    models: dict[str, RatingPredictions]

    @property
    def rrn(self) -> str:
        """The name of the RRN."""
        return next(iter(self.models))

    @property
    def best_baseline(self) -> str | None:
        """The name of the baseline with the lowest RMSE; None if there is no baseline."""
        others = [name for name in self.models if name != self.rrn]
        return min(others, key=self.rmse) if others else None

    def errors(self, model: str) -> npt.NDArray[np.float64]:
        """Returns what a model predicted less the rating: float64[N]."""
        return self.models[model].rating.astype(np.float64) - self.ratings.rating

    def rmse(self, model: str) -> float:
        """Computes the RMSE of a model."""
        return rmse(self.models[model].rating, self.ratings.rating)

    def gain_over(self, baseline: str) -> tuple[float, float]:
        """Computes the RMSE of a baseline less that of the RRN, and its standard error."""
        own, other = self.models[self.rrn].rating, self.models[baseline].rating
        return rmse_difference(other, own, self.ratings.rating, self.ratings.user)

    @property
    def called(self) -> str:
        """What captions call the ratings."""
        return f"{len(self.ratings):,} {self.kind} rating{'' if len(self.ratings) == 1 else 's'}"

    @property
    def caution(self) -> str:
        """A sentence for captions on validation ratings, with a space before it; empty for test ratings."""
        if self.kind == _KINDS[Split.TEST]:
            return ""
        return (
            " There are no test ratings, so these are the validation ratings, which chose options and the epoch: the "
            "errors are lower than those of ratings that chose nothing."
        )


def held_out(subject: RatingSubject, protocol: str, *, unseen: bool = False) -> HeldOut | None:
    """Returns the test ratings, or the validation ratings where there are none, with all predictions of them.

    Args:
      subject: the run.
      protocol: ``frozen`` or ``streaming``.
      unseen: whether to include ratings of users and items without training ratings.

    Returns:
      The ratings; None if nothing is held out, or the protocol has no predictions.
    """
    of = held_out_split(subject.sequences)
    if of is None or protocol not in subject.predictions:
        return None
    splits = (of, WITH_UNSEEN[of]) if unseen else (of,)
    ratings, _, models = subject.predictions[protocol].of(*splits)
    return HeldOut(_KINDS[of], ratings, models) if len(ratings) else None


def nothing_held_out(name: str, title: str) -> Omitted:
    """Stands for an exhibit of held-out ratings where there are none."""
    return Omitted(
        name,
        title,
        "No rating is held out of training, so nothing can be compared with what the model predicts; a smaller "
        "data.split.train_fraction, or --valid FILE, holds ratings out.",
    )


def training_counts(subject: RatingSubject, side: Side) -> npt.NDArray[np.int64]:
    """Counts the training ratings of every user or item: int64[E + 1], by index; 0 for the unknown entity."""
    of = subject.sequences.side(side)
    entity = of.row_entity[of.rating_row[of.split == Split.TRAIN]]
    return np.bincount(entity, minlength=len(of.row_splits) - 1)
