"""Streaming from a saved model: the same numbers as rolling the trained network over all sequences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rrn_tf.config import DataConfig
from rrn_tf.data.synthetic import SyntheticConfig
from rrn_tf.features import Split
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.streaming import predict_streaming
from rrn_tf.states.streaming import streaming_states
from rrn_tf.training.alternating import TrainingResult
from tests.prepared import LIKE_THE_DEFAULT
from tests.serving.conftest import Saved, compiled, trained_and_saved

LATER = [split for split in Split if split is not Split.TRAIN]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param({"cell": "lstm", "inputs": "ratings", "bayesian_factors": 0}, marks=pytest.mark.slow),
        LIKE_THE_DEFAULT,
        pytest.param({"cell": "gru", "inputs": "ratings", "bayesian_factors": 0}, marks=pytest.mark.slow),
    ],
)
def streamed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    if request.param is LIKE_THE_DEFAULT:
        return request.getfixturevalue("saved_default")
    ratings = SyntheticConfig(users=50, items=30, ratings=600, days=250, seed=4)
    return trained_and_saved(tmp_path_factory.mktemp("streaming"), ratings, DataConfig(shards=1), **request.param)


@pytest.fixture(scope="module")
def result(streamed: Saved) -> TrainingResult:
    return streamed.result


@pytest.fixture(scope="module")
def saved(streamed: Saved) -> SavedRRN:
    return compiled(streamed.path)


def test_equals_rolling_over_everything(result: TrainingResult, saved: SavedRRN, rng: np.random.Generator) -> None:
    sequences = result.sequences
    rows = sequences.rating_indices(LATER)
    expected = streaming_states(result.model, sequences, 128).predict(rows)
    shuffled = rng.permutation(len(rows))
    queries = {name: values[shuffled] for name, values in sequences.queries(LATER).items()}
    found = predict_streaming(saved, **queries, rating=sequences.user.rating[rows][shuffled])
    np.testing.assert_allclose(found, expected[shuffled], rtol=1e-4, atol=1e-5)
    assert np.abs(found - result.states.predict(rows)[shuffled]).max() > 1e-3, "later ratings should tell"


def test_no_rating_decides_its_own_prediction_or_an_earlier_one(result: TrainingResult, saved: SavedRRN) -> None:
    queries = result.sequences.queries(LATER)
    rating = result.sequences.user.rating[result.sequences.rating_indices(LATER)]
    before = predict_streaming(saved, **queries, rating=rating)
    horizon = saved.cutoff + 7 * 86_400  # a step of both sides begins here
    future = queries["timestamp"] >= horizon
    after = predict_streaming(saved, **queries, rating=np.where(future, 1.0, rating))
    first_day = queries["timestamp"] < horizon + 86_400
    np.testing.assert_array_equal(before[first_day], after[first_day])
    assert (before[~first_day] != after[~first_day]).any()


def test_unseen_entities_have_indices_of_their_own_on_demand(result: TrainingResult) -> None:
    sequences = result.sequences
    queries = sequences.queries(LATER)
    known, all_ = (sequences.interactions(LATER, unseen=unseen) for unseen in (False, True))
    np.testing.assert_array_equal(sequences.user_ids[all_.user - 1], queries["user_id"])
    np.testing.assert_array_equal(sequences.item_ids[all_.item - 1], queries["item_id"])
    cold = all_.user > known.num_users
    assert cold.any()
    np.testing.assert_array_equal(known.user, np.where(cold, 0, all_.user))
    assert (all_.num_users, all_.num_items) == (len(sequences.user_ids), len(sequences.item_ids))


def test_refuses_what_the_states_have_seen_already(saved: SavedRRN) -> None:
    with pytest.raises(ValueError, match="at or after the cutoff"):
        predict_streaming(saved, ["u1"], ["i1"], [saved.cutoff - 1], [3.0])


def test_nothing_in_nothing_out(saved: SavedRRN, tmp_path: Path) -> None:
    assert predict_streaming(saved, [], [], [], []).shape == (0,)


def test_refuses_ratings_and_lengths_that_give_no_number(saved: SavedRRN) -> None:
    now = saved.cutoff
    for rating, said in ((np.nan, "a finite number"), (3e38, "at most 1e")):
        with pytest.raises(ValueError, match=f"rating: expected {said}|rating: expected a number of {said}"):
            predict_streaming(saved, ["u1"], ["i1"], [now], [rating])
    with pytest.raises(ValueError, match="expected as many rows of rating as of user_id, found 1 and 2"):
        predict_streaming(saved, ["u1", "u2"], ["i1", "i2"], [now, now], [3.0])
