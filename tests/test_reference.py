"""The reference against numbers worked out by hand; `tests/layers` holds its cells against Keras's."""

from __future__ import annotations

import numpy as np
import pytest

from tests import reference
from tests.reference import Clock, Ratings, ReferenceRRN

# The cutoff is at 100; user steps last 10 seconds, item steps 50. tau = (start of step - 100) / 10.
CLOCK = Clock(cutoff=100, user_granularity=10, item_granularity=50, mean=100.0, std=10.0)
# User 1 rates item 1 (5) and item 2 (3) in step -6, item 1 again (4) in step -1, item 2 (2) after the cutoff.
RATINGS = Ratings(
    user=[1, 1, 1, 1], item=[1, 2, 1, 2], rating=[5.0, 3.0, 4.0, 2.0], timestamp=[41, 45, 95, 112], split=[0, 0, 0, 2]
)
IDENTITY = {"kernel": [[1.0]], "recurrent_kernel": [[1.0]], "bias": [0.0]}


def weights() -> dict:
    """One unit everywhere. The item's projected state is 1 and its factors 0: predictions show the user's state."""
    side = {
        "embedding": [[0.0], [0.01], [0.1]],
        "context_kernel": [[0.5], [0.02], [0.03]],
        **IDENTITY,
        "projection_kernel": [[1.0]],
        "projection_bias": [0.0],
        "factors": [[0.0], [2.0], [3.0]],
    }
    constant = {**side, "projection_kernel": [[0.0]], "projection_bias": [1.0], "factors": [[0.0], [0.25], [0.5]]}
    return {"user": side, "item": constant}


def test_states_by_hand() -> None:
    model = ReferenceRRN(RATINGS, CLOCK, weights(), "rnn")
    # Step -6 is the first: newbie, tau = -6, no previous step.
    u0 = np.tanh(0.5 + 0.02 * -6)
    # Step -1: the ratings of step -6 enter, tau = -1, previous tau = -6.
    u1 = np.tanh(5 * 0.01 + 3 * 0.1 + 0.02 * -1 + 0.03 * -6 + u0)
    # Step 1, after the cutoff: the rating of step -1 enters, tau = 1, previous tau = -1.
    u2 = np.tanh(4 * 0.01 + 0.02 * 1 + 0.03 * -1 + u1)
    stationary = 2.0 * np.array([0.25, 0.5, 0.25, 0.5])
    np.testing.assert_allclose(model.predict_all() - stationary, [u0, u0, u1, u2], rtol=1e-12)
    # Step 3, where step 1 is either revealed or not.
    frozen = np.tanh(4 * 0.01 + 0.02 * 3 + 0.03 * -1 + u1)
    streaming = np.tanh(2 * 0.1 + 0.02 * 3 + 0.03 * 1 + u2)
    assert model.predict(1, 1, 139, "frozen") - 0.5 == pytest.approx(frozen, rel=1e-12)
    assert model.predict(1, 1, 139, "streaming") - 0.5 == pytest.approx(streaming, rel=1e-12)


def test_an_unknown_user_is_a_newbie_at_the_time_of_the_query() -> None:
    model = ReferenceRRN(RATINGS, CLOCK, weights(), "rnn")
    assert model.predict(9, 1, 125) == pytest.approx(np.tanh(0.5 + 0.02 * 2), rel=1e-12)


def test_loss_counts_training_ratings_alone() -> None:
    model = ReferenceRRN(RATINGS, CLOCK, weights(), "rnn")
    errors = (np.array(RATINGS.rating) - model.predict_all())[:3]
    assert model.training_loss() == pytest.approx(errors @ errors)


@pytest.mark.parametrize("protocol", ["frozen", "streaming"])
def test_causality(protocol: reference.Protocol) -> None:
    rng = np.random.default_rng(0)
    n = 60
    time = np.sort(rng.integers(0, 200, n))
    ratings = Ratings(rng.integers(1, 4, n), rng.integers(1, 3, n), rng.random(n), time, np.where(time < 100, 0, 2))
    both_sides = {"user": weights()["user"], "item": weights()["user"]}
    model = ReferenceRRN(ratings, CLOCK, both_sides, "rnn")
    before = model.predict_all(protocol)
    changed = np.flatnonzero(time >= 60)
    ratings.rating[changed] += rng.random(len(changed))
    after = model.predict_all(protocol)
    # Rating 60 lies in user step -4, [60, 70), and item step -1, [50, 100).
    np.testing.assert_array_equal(before[time < 70], after[time < 70])
    assert np.any(before != after)
    if protocol == "frozen":
        ratings.rating[time >= 100] = 7
        np.testing.assert_array_equal(after, model.predict_all(protocol))
