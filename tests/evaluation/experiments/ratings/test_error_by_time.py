from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.evaluation.experiments.exhibits import Figure
from rrn_tf.evaluation.experiments.ratings import error_by_time
from rrn_tf.evaluation.experiments.subjects import Predicted, RatingSubject
from rrn_tf.evaluation.leaderboard import RatingPredictions
from rrn_tf.features import Split
from tests.subjects import CUTOFF, DAY, generated_sequences, rating_subject, sequences_of


def ageing(growth: float) -> RatingSubject:
    """Errors of 0.5, of either sign, that are `growth` larger after 60 days."""
    sequences = generated_sequences(ratings=2_000)
    ratings = sequences.interactions([Split.TEST])
    size = 0.5 + growth * (ratings.timestamp - CUTOFF) / (60 * DAY)
    sign = np.where(np.arange(len(ratings)) % 2, 1, -1)
    models = {"RRN": RatingPredictions((ratings.rating + sign * size).astype(np.float32), None, 1)}
    compare = {"frozen": Predicted(ratings, np.full(len(ratings), Split.TEST, np.uint8), models)}
    return rating_subject(sequences, compare=lambda: compare)


def test_error_that_grows_is_seen_and_one_that_does_not_is_not() -> None:
    (grows,) = error_by_time.exhibits(ageing(0.5))
    assert isinstance(grows, Figure)
    assert grows.frame["RMSE"].is_monotonic_increasing
    assert grows.frame["RMSE"].to_numpy()[[0, -1]] == pytest.approx([0.53, 0.97], abs=0.03)
    assert grows.frame["ratings"].max() < 1.5 * grows.frame["ratings"].min()
    assert "within two standard errors" not in grows.caption
    (still,) = error_by_time.exhibits(rating_subject(errors={"frozen": {"RRN": 0.5}}))
    assert "which is within two standard errors" in still.caption


def test_ratings_of_one_day_say_nothing_of_age() -> None:
    sequences = sequences_of([1, 2, 1, 2], [1, 1, 2, 2], [1, 2, 3, 4], [-1, -1, 0.1, 0.2], [0, 0, 2, 2])
    (figure, *_) = error_by_time.exhibits(rating_subject(sequences))
    assert "All were given on one day" in figure.caption
