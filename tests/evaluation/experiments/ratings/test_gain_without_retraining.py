from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.evaluation.experiments.exhibits import Figure, Omitted
from rrn_tf.evaluation.experiments.ratings import gain_without_retraining
from rrn_tf.evaluation.experiments.subjects import Predicted, RatingSubject
from rrn_tf.evaluation.leaderboard import RatingPredictions
from rrn_tf.features import Split
from tests.subjects import rating_subject, sequences_of

ITEMS, PER_SPAN = 60, 6


def moving(follows: bool) -> RatingSubject:
    """Items whose mean moves by 0 to 3 points from span to span; streaming states know it if `follows`."""
    rng = np.random.default_rng(0)
    item = np.tile(np.repeat(np.arange(1, ITEMS + 1), PER_SPAN), 2)
    late = np.repeat([0, 1], ITEMS * PER_SPAN)
    user = rng.integers(1, 41, len(item))
    drift = 3 * (item - 1) / (ITEMS - 1)
    mean = 2.0 + drift * late
    rating = mean + 0.3 * rng.standard_normal(len(item))
    users, items = np.arange(1, 41), np.arange(1, ITEMS + 1)
    day = np.where(late, rng.uniform(45, 60, len(item)), rng.uniform(0, 15, len(item)))
    sequences = sequences_of(
        [*users, *np.ones(ITEMS), *user],
        [*np.ones(40), *items, *item],
        [*np.full(40 + ITEMS, 2.0), *rating],
        [*np.full(40 + ITEMS, -5.0), *day],
        [*np.zeros(40 + ITEMS), *np.full(len(item), int(Split.TEST))],
    )
    ratings = sequences.interactions([Split.TEST])
    known = 2.0 + 3 * (ratings.item - 1) / (ITEMS - 1) * (ratings.timestamp > np.median(ratings.timestamp))
    said = {"frozen": np.full(len(ratings), 2.0), "streaming": known if follows else np.full(len(ratings), 2.01)}
    split = np.full(len(ratings), Split.TEST, np.uint8)
    compare = {
        protocol: Predicted(ratings, split, {"RRN": RatingPredictions(rating.astype(np.float32), None, 1)})
        for protocol, rating in said.items()
    }
    return rating_subject(sequences, compare=lambda: compare)


def test_states_that_follow_gain_most_where_items_move_most() -> None:
    items, users = gain_without_retraining.exhibits(moving(True))
    assert isinstance(items, Figure)
    assert isinstance(users, Figure)
    frame = items.frame
    assert frame["gain"].is_monotonic_increasing
    assert frame["gain"].iloc[-1] > 1
    np.testing.assert_allclose(frame["gain"], frame["frozen RMSE"] - frame["streaming RMSE"])
    assert (frame["items"].sum(), frame["ratings"].sum()) == (ITEMS, 2 * ITEMS * PER_SPAN)
    assert "so the gain grows with the fluctuation; in the paper it grows." in items.caption
    assert "fewer than 5 ratings" in items.caption
    # The line goes through the mean gain: parts of the gain add up to it.
    assert (frame["line"] @ frame["ratings"] / frame["ratings"].sum()) == pytest.approx(
        np.sqrt((frame["frozen RMSE"] ** 2) @ frame["ratings"] / frame["ratings"].sum())
        - np.sqrt((frame["streaming RMSE"] ** 2) @ frame["ratings"] / frame["ratings"].sum())
    )


def test_states_that_do_not_move_gain_nothing() -> None:
    items, _ = gain_without_retraining.exhibits(moving(False))
    assert items.frame["gain"].abs().max() < 0.02


def test_too_few_ratings_and_no_streaming() -> None:
    sequences = sequences_of([1, 1, 1], [1, 1, 1], [1, 2, 3], [-1, 1, 2], [0, 2, 2])
    found = gain_without_retraining.exhibits(rating_subject(sequences))
    assert [type(of) for of in found] == [Omitted, Omitted]
    assert "Fewer than 10 items of the test ratings" in found[0].reason
    (nothing,) = gain_without_retraining.exhibits(rating_subject(errors={"frozen": {"RRN": 1}}))
    assert "no predictions of the streaming protocol" in nothing.reason
