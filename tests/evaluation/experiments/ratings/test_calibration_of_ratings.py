from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.evaluation.experiments.exhibits import Figure
from rrn_tf.evaluation.experiments.ratings import calibration_of_ratings
from rrn_tf.evaluation.experiments.subjects import Predicted
from rrn_tf.evaluation.leaderboard import RatingPredictions
from rrn_tf.features import Split
from tests.subjects import generated_sequences, rating_subject


def shown(scale: float, shift: float) -> Figure:
    """The figure of predictions of which the ratings are `scale` times as far apart, and higher by `shift`."""
    sequences = generated_sequences()
    ratings = sequences.interactions([Split.TEST])
    rng = np.random.default_rng(0)
    said = 3 + (ratings.rating - 3) * 0.5 + 0.5 * rng.standard_normal(len(ratings))
    slope = np.polyfit(said, ratings.rating, 1)[0]
    said = 3 + (said - 3) * slope / scale
    said += ratings.rating.mean() - said.mean() - shift
    models = {"RRN": RatingPredictions(said.astype(np.float32), None, 1)}
    compare = {"frozen": Predicted(ratings, np.full(len(ratings), Split.TEST, np.uint8), models)}
    (figure,) = calibration_of_ratings.exhibits(rating_subject(sequences, compare=lambda: compare))
    return figure


def test_groups_slope_and_bias() -> None:
    right = shown(1.0, 0.0)
    assert right.frame["ratings"].sum() == len(generated_sequences().interactions([Split.TEST]))
    assert right.frame["predicted"].is_monotonic_increasing
    assert "ratings are 0.000" in right.caption
    assert "the rating is 1.000 ±" in right.caption
    assert "the slope of a calibrated model" in right.caption
    far, high = shown(0.3, 0.0), shown(1.0, 0.25)
    assert "the rating is 0.300 ±" in far.caption
    assert "too far apart" in far.caption
    assert "ratings are 0.250 above" in high.caption
    gap = (high.frame["observed"] - high.frame["predicted"]) @ high.frame["ratings"] / high.frame["ratings"].sum()
    assert gap == pytest.approx(0.25, abs=1e-5)
