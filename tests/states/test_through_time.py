"""States at any time: those of training rows at their own times, the frozen ones after the cutoff, and causal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rrn_tf.data.batches import plan_batches
from rrn_tf.data.last_rows import LastRows
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.models.rrn import RRN
from rrn_tf.states.step_states import StepStates
from rrn_tf.states.through_time import StatesThroughTime
from tests.test_forward_pass import CUTOFF, DAY, make_ratings, prepare, random_model

pytestmark = pytest.mark.slow
INPUTS: list[dict[str, Any]] = [
    {"inputs": "ratings", "bayesian_factors": 3},
    {"inputs": "innovations", "include_opposite_state": True, "ensemble": 2, "time_feature": "delta"},
]


@pytest.fixture(scope="module", params=[0, 2], ids=["by_time", "by_count"])
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RatingSequences:
    by_count = request.param
    return prepare(make_ratings(sittings=by_count > 0), tmp_path_factory.mktemp("prepared"), by_count)


@pytest.fixture(scope="module", params=INPUTS, ids=lambda settings: settings["inputs"])
def model(request: pytest.FixtureRequest, prepared: RatingSequences) -> RRN:
    return random_model(prepared, "lstm", **request.param)


def pairs(sequences: RatingSequences) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Users, items and times of all ratings, in order of the user side."""
    user = sequences.user
    return user.row_entity[user.rating_row], user.opposite.astype(np.int64), user.timestamp


def test_rows_are_predicted_as_in_training_and_later_ratings_as_frozen(model: RRN, prepared: RatingSequences) -> None:
    plans = {side: plan_batches(prepared.side(side), prepared.metadata, rows_per_batch=64) for side in SIDES}
    expected = StepStates(model, prepared, plans)
    expected.refresh_all()
    # The rows of the frozen protocol are those of the training period, and the extrapolated ones after it.
    found = StatesThroughTime(model, prepared).predict(*pairs(prepared))
    np.testing.assert_allclose(found, expected.predict(np.arange(len(found))), atol=2e-5)
    assert np.ptp(found) > 0.3


def test_newbies_and_entities_before_their_first_rating_are_alike(model: RRN, prepared: RatingSequences) -> None:
    through_time = StatesThroughTime(model, prepared)
    width, early = model.emission.units, CUTOFF - 400 * DAY
    every = np.arange(prepared.metadata.users.total + 1)
    moving = through_time.vectors(Side.USER, every, np.full(len(every), early))[:, :width]
    assert (moving == moving[0]).all()
    cold = np.array([0, prepared.metadata.users.total])
    assert prepared.metadata.users.trained < cold[1]
    vectors = through_time.vectors(Side.USER, cold, np.full(2, CUTOFF + DAY))
    assert (vectors[0] == vectors[1]).all()
    with pytest.raises(ValueError, match=f"user should be between 0 and {cold[1]}, received {cold[1] + 1}"):
        through_time.vectors(Side.USER, cold + 1, np.full(2, CUTOFF))
    assert through_time.predict([], [], []).shape == (0,)


def test_not_one_bit_depends_on_ratings_at_or_after_the_time_asked_for(model: RRN, prepared: RatingSequences) -> None:
    width, side = model.emission.units, prepared.user
    # Amid a day, and, where steps end by count, amid a sitting.
    horizon = int(np.unique(side.timestamp[side.timestamp < CUTOFF - 10 * DAY])[-5])
    sides = {of: prepared.side(of) for of in SIDES}
    other = {of: np.where(part.timestamp >= horizon, 5 - part.rating, part.rating) for of, part in sides.items()}
    user, item = (replace(sides[of], rating=other[of].astype(np.float32)) for of in SIDES)
    before, after = (StatesThroughTime(model, data) for data in (prepared, replace(prepared, user=user, item=item)))
    for of, part in sides.items():
        entity = np.unique(part.row_entity)
        at, later = np.full(len(entity), horizon), np.full(len(entity), horizon + 15 * DAY)
        assert (before.vectors(of, entity, at) == after.vectors(of, entity, at)).all()
        moving = [states.vectors(of, entity, later)[:, :width] for states in (before, after)]
        assert (moving[0] != moving[1]).any(axis=1).mean() > 0.5


def test_the_last_row_is_the_last_that_ended_before_the_step_of_the_time(prepared: RatingSequences) -> None:
    metadata = prepared.metadata
    rng = np.random.default_rng(0)
    for side in SIDES:
        data = prepared.side(side)
        rows = LastRows(data, metadata)
        entity = np.repeat(np.arange(metadata.entities(side).total + 1), 40)
        time = CUTOFF + rng.integers(-50 * DAY, 10 * DAY, len(entity)) // 600 * 600
        found = rows.before(entity, time)
        ends = np.maximum.reduceat(data.timestamp, data.rating_splits[:-1])
        for e, t, row in zip(entity, time, found, strict=True):
            own = np.flatnonzero((data.row_entity == e) & (data.step < 0))
            day = own[data.step[own] < rows.step(np.array([t]))[0]]
            ended = day.max(initial=-1)
            if not metadata.steps_per_doubling:
                assert row == ended
            else:  # by count, a row of the same time step may have ended too, and all its ratings are earlier
                assert row >= ended
                assert row < 0 or ends[row] < t


def test_without_later_ratings_there_are_states_at_later_times_all_the_same(prepared: RatingSequences) -> None:
    sequences = prepared.without([split for split in Split if split is not Split.TRAIN])
    through_time = StatesThroughTime(random_model(sequences, "gru", inputs="ratings"), sequences)
    found = through_time.predict([1, 1, 0], [2, 2, 0], [CUTOFF - 1, CUTOFF + 90 * DAY, CUTOFF])
    assert np.isfinite(found).all()
    assert found[0] != found[1]
