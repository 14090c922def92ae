"""From ratings through Beam, sequences and network to predictions: equal to the reference, and causal."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rrn_tf.config import Config, DataConfig, ModelConfig, SplitConfig
from rrn_tf.data.batches import plan_batches
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.factors import Beliefs, FactorScale
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.models.rrn import RRN, PartWeights, UserWeights
from rrn_tf.states.step_states import StepStates
from rrn_tf.states.streaming import streaming_states
from rrn_tf.training.alternating import make_model
from tests.prepared import write_sequences
from tests.reference import Clock, Protocol, Ratings, ReferenceRRN, weights_of

DAY = 86_400
WEIGHTS = UserWeights(PartWeights(0.6, 0.7, -0.5), PartWeights(0.3, 0.9, -0.8))
CUTOFF = 1_000_000_000
N = 300
Found = Callable[..., dict[tuple[str, str, int], float]]


def make_ratings(seed: int = 0, *, sittings: bool = False) -> Ratings:
    """Distinct ratings from 40 days before to 20 days after the cutoff, several a step; some entities are cold.

    Args:
      seed: of the draws.
      sittings: all of ten days is of one day, at ten times a day.
    """
    rng, times = np.random.default_rng(seed), 60 if sittings else 240
    cells = rng.choice(12 * 9 * times, N, replace=False)
    user, item, time = np.unravel_index(cells, (12, 9, times))
    timestamp = CUTOFF + (time - 160) * (DAY // 4)
    if sittings:
        timestamp = CUTOFF + (time // 10 - 4) * 10 * DAY + time % 10 * 600
    later = timestamp >= CUTOFF
    user, item = np.where(later & (user == 3), 13, user), np.where(later & (item == 2), 10, item)
    split = np.where(later, rng.choice([1, 2, 3, 4], N), 0)
    # The lowest and highest training rating bound every prediction, so they are put out of reach.
    rating = rng.integers(1, 11, N) / 2
    first, second = np.flatnonzero(~later)[:2]
    rating[first], rating[second] = -50, 50
    return Ratings(user + 1, item + 1, rating, timestamp, split)


def prepare(ratings: Ratings, directory: Path, steps_per_doubling: int = 0) -> RatingSequences:
    config = DataConfig(split=SplitConfig(cutoff=str(CUTOFF)), shards=2, steps_per_doubling=steps_per_doubling)
    names = [f"u{k:02d}" for k in ratings.user], [f"i{k:02d}" for k in ratings.item]
    return load_sequences(write_sequences(*names, ratings.rating, ratings.timestamp, ratings.split, directory, config))


def random_model(sequences: RatingSequences, cell: str, **inputs: Any) -> RRN:
    sizes = ModelConfig(cell=cell, units=5, embedding=4, dynamic=3, stationary=2, **inputs)
    model = make_model(Config(model=sizes), sequences)
    rng = np.random.default_rng(1)
    for variable in model.weights:
        variable.assign(rng.normal(0, 0.3, variable.shape))
    for side in SIDES:
        table = model.factors(side).table
        table.assign(np.concatenate([np.zeros((1, 2)), table.numpy()[1:]]))
    set_random_factors(model, rng)
    return model


def set_random_factors(model: RRN, rng: np.random.Generator) -> None:
    """Bayesian factors and weights of parts as training might leave them, if the model has any."""
    model.set_part_weights(UserWeights())
    if not model.bayesian_factors:
        return
    width, scale, beliefs, set_vectors = model.bayesian_factors + 1, {}, {}, {}
    for side in SIDES:
        shape = model.trained_beliefs(side).mean.shape
        prior = rng.uniform(0.2, 0.6, width)
        mean, variance, set_sum = rng.normal(0, 0.4, shape), rng.uniform(0.2, 1, shape) * prior, rng.normal(0, 1, shape)
        mean[0], variance[0], set_sum[0] = 0, prior, 0
        count = np.append(0, rng.integers(1, 9, len(mean) - 1))
        columns = (column.astype(np.float32) for column in (mean, variance, set_sum, count))
        beliefs[side] = Beliefs.at_rest(*columns, np.zeros(len(mean), bool))
        set_vectors[side] = rng.normal(0, 0.3, model.set_vectors(side).shape).astype(np.float32)
        set_vectors[side][0] = 0
        scale[side] = tuple(map(float, prior))
    model.set_factors(beliefs, set_vectors, FactorScale(3.0, 2.0, 0.3, 0.1, scale[Side.USER], scale[Side.ITEM]))
    model.set_part_weights(WEIGHTS)


def predict(model: RRN, sequences: RatingSequences, protocol: str = "frozen") -> dict[tuple[str, str, int], float]:
    """Predictions by user, item and time."""
    if protocol == "streaming":
        states = streaming_states(model, sequences, rows_per_batch=64)
    else:
        plans = {side: plan_batches(sequences.side(side), sequences.metadata, rows_per_batch=64) for side in SIDES}
        states = StepStates(model, sequences, plans)
        states.refresh_all()
    user = sequences.user
    names = (
        sequences.user_ids[user.row_entity[user.rating_row] - 1],
        sequences.item_ids[user.opposite - 1],
        user.timestamp.tolist(),
    )
    return dict(zip(zip(*names, strict=True), states.predict(np.arange(len(user.rating))).tolist(), strict=True))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> RatingSequences:
    return prepare(make_ratings(), tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> RatingSequences:
    """Ratings in sittings, each of several steps by count."""
    sequences = prepare(make_ratings(sittings=True), tmp_path_factory.mktemp("counted"), steps_per_doubling=2)
    for side in SIDES:
        data = sequences.side(side)
        same_day = (data.step[1:] == data.step[:-1]) & (data.place[1:] > 0)
        assert min(same_day[data.step[1:] < 0].sum(), same_day[data.step[1:] >= 0].sum()) > 5
    return sequences


def reference_on(
    prepared: RatingSequences,
    weights: dict[str, Any],
    cell: str = "lstm",
    inputs: str = "ratings",
    gaps: bool = False,
    model: RRN | None = None,
) -> tuple[ReferenceRRN, list[tuple[str, str, int]]]:
    """The reference on the same ratings, and their users, items and times in its order."""
    by_count = prepared.metadata.steps_per_doubling
    raw = make_ratings(sittings=by_count > 0)
    index = [{name: k + 1 for k, name in enumerate(ids)} for ids in (prepared.user_ids, prepared.item_ids)]
    users, items = [f"u{k:02d}" for k in raw.user], [f"i{k:02d}" for k in raw.item]
    ratings = Ratings([index[0][u] for u in users], [index[1][i] for i in items], raw.rating, raw.timestamp, raw.split)
    trained = raw.timestamp[raw.split == Split.TRAIN]
    ticks = Clock(CUTOFF, DAY, 7 * DAY, trained.mean(), trained.std(), by_count)
    keys = list(zip(users, items, raw.timestamp.tolist(), strict=True))
    parts = (model.factor_scale, model.part_weights) if model else ()
    return ReferenceRRN(ratings, ticks, weights, cell, inputs, gaps, *parts), keys


@pytest.mark.parametrize(
    ("cell", "protocol", "inputs", "time_feature"),
    [
        ("lstm", "frozen", "ratings", "wallclock"),
        ("rnn", "streaming", "ratings", "wallclock"),
        ("lstm", "streaming", "innovations", "delta"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (
                ("gru", "frozen", "ratings", "wallclock"),
                ("rnn", "frozen", "ratings", "delta"),
                ("lstm", "streaming", "ratings", "wallclock"),
                ("gru", "streaming", "ratings", "wallclock"),
                ("lstm", "frozen", "innovations", "wallclock"),
                ("gru", "frozen", "innovations", "delta"),
                ("rnn", "streaming", "innovations", "wallclock"),
            )
        ),
    ],
)
def test_predictions_equal_the_reference(
    prepared: RatingSequences, cell: str, protocol: Protocol, inputs: str, time_feature: str
) -> None:
    model = random_model(prepared, cell, inputs=inputs, time_feature=time_feature)
    found = predict(model, prepared, protocol)
    reference, keys = reference_on(prepared, weights_of(model), cell, inputs, gaps=time_feature == "delta")
    expected = reference.predict_all(protocol)
    got = [found[key] for key in keys]
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    assert np.std(expected) > 0.05


@pytest.mark.parametrize(
    ("protocol", "inputs", "factors"),
    [
        ("streaming", "innovations", 2),
        pytest.param("frozen", "ratings", 0, marks=pytest.mark.slow),
        pytest.param("streaming", "ratings", 0, marks=pytest.mark.slow),
        pytest.param("frozen", "innovations", 0, marks=pytest.mark.slow),
    ],
)
def test_predictions_of_steps_by_count_equal_the_reference(
    counted: RatingSequences, protocol: Protocol, inputs: str, factors: int
) -> None:
    model = random_model(counted, "rnn", inputs=inputs, bayesian_factors=factors)
    found = predict(model, counted, protocol)
    reference, keys = reference_on(counted, weights_of(model), "rnn", inputs, model=model if factors else None)
    np.testing.assert_allclose([found[key] for key in keys], reference.predict_all(protocol), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("protocol", "inputs"),
    [
        ("streaming", "innovations"),
        pytest.param("streaming", "ratings", marks=pytest.mark.slow),
        pytest.param("frozen", "ratings", marks=pytest.mark.slow),
    ],
)
def test_predictions_with_bayesian_factors_equal_the_reference(
    prepared: RatingSequences, protocol: Protocol, inputs: str
) -> None:
    model = random_model(prepared, "rnn", inputs=inputs, bayesian_factors=3)
    found = predict(model, prepared, protocol)
    reference, keys = reference_on(prepared, weights_of(model), "rnn", inputs, model=model)
    expected = reference.predict_all(protocol)
    np.testing.assert_allclose([found[key] for key in keys], expected, rtol=1e-4, atol=1e-4)
    reference.factor_scale = None
    assert np.std(expected - reference.predict_all(protocol)) > 0.05


@pytest.mark.parametrize(
    ("protocol", "inputs", "include_opposite_state"),
    [
        ("streaming", "innovations", True),
        pytest.param("frozen", "ratings", False, marks=pytest.mark.slow),
    ],
)
def test_members_predict_the_mean_of_networks_that_know_nothing_of_each_other(
    prepared: RatingSequences, protocol: Protocol, inputs: str, include_opposite_state: bool
) -> None:
    model = random_model(prepared, "lstm", inputs=inputs, include_opposite_state=include_opposite_state, ensemble=3)
    found = predict(model, prepared, protocol)
    of_each_network = [reference_on(prepared, weights_of(model, member), inputs=inputs) for member in range(3)]
    alone = [reference.predict_all(protocol) for reference, _ in of_each_network]
    got = [found[key] for key in of_each_network[0][1]]
    np.testing.assert_allclose(got, np.mean(alone, axis=0), rtol=1e-4, atol=1e-5)
    assert min(np.std(left - right) for left, right in itertools.combinations(alone, 2)) > 0.05


@pytest.fixture(scope="module")
def found(prepared: RatingSequences) -> Found:
    """What a random network predicts by a protocol and with inputs, to be compared with other predictions."""

    @functools.cache
    def predictions(protocol: str, inputs: str = "ratings") -> dict[tuple[str, str, int], float]:
        return predict(random_model(prepared, "rnn", inputs=inputs), prepared, protocol)

    return predictions


# The start of an item step, which is that of a user step too, before the cutoff.
HORIZON = CUTOFF - 14 * DAY
# In the middle of a sitting, at a second with ratings.
AMID = CUTOFF - 20 * DAY + 5 * 600


@pytest.fixture(scope="module")
def other_future(tmp_path_factory: pytest.TempPathFactory) -> RatingSequences:
    """The ratings of `prepared`, with others from the horizon on."""
    changed = make_ratings()
    future = changed.timestamp >= HORIZON
    changed.rating[future] = changed.rating[future][::-1] + 1
    return prepare(changed, tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="module")
def other_sitting(tmp_path_factory: pytest.TempPathFactory) -> RatingSequences:
    """The ratings of `counted`, with others from amid a sitting on."""
    changed = make_ratings(sittings=True)
    future = changed.timestamp >= AMID
    assert (changed.timestamp == AMID).sum() > 1
    changed.rating[future] = changed.rating[future][::-1] + 1
    return prepare(changed, tmp_path_factory.mktemp("other"), steps_per_doubling=2)


# Without the slow tests each protocol and kind of inputs is looked at here or with steps by count.
FUTURE = [("frozen", "ratings"), ("streaming", "innovations")]
SITTING = [("frozen", "innovations"), ("streaming", "ratings")]


def slow(cases: list[tuple[str, str]]) -> list[Any]:
    return [pytest.param(*case, marks=pytest.mark.slow) for case in cases]


@pytest.mark.parametrize(("protocol", "inputs"), [*FUTURE, *slow(SITTING)])
def test_not_one_bit_depends_on_the_future(
    found: Found, prepared: RatingSequences, other_future: RatingSequences, protocol: str, inputs: str
) -> None:
    before = found(protocol, inputs)
    after = predict(random_model(prepared, "rnn", inputs=inputs), other_future, protocol)
    assert before.keys() == after.keys()
    # Steps that start at or before the horizon: all of the item's step and the user's first day.
    safe = [key for key in before if key[2] < HORIZON + DAY]
    assert len(safe) > 50
    assert all(before[key] == after[key] for key in safe)
    assert any(before[key] != after[key] for key in before if HORIZON + DAY <= key[2] < CUTOFF)


@pytest.mark.parametrize(("protocol", "inputs"), [*SITTING, *slow(FUTURE)])
def test_steps_by_count_see_nothing_of_their_own_second_or_later(
    counted: RatingSequences, other_sitting: RatingSequences, protocol: str, inputs: str
) -> None:
    model = random_model(counted, "rnn", inputs=inputs)
    before, after = (predict(model, sequences, protocol) for sequences in (counted, other_sitting))
    assert all(before[key] == after[key] for key in before if key[2] <= AMID)
    same_sitting = [key for key in before if AMID < key[2] < AMID + DAY]
    assert any(before[key] != after[key] for key in same_sitting)


def test_frozen_predictions_ignore_ratings_after_the_cutoff(
    found: Found, prepared: RatingSequences, tmp_path: Path
) -> None:
    changed = make_ratings()
    changed.rating[changed.timestamp >= CUTOFF] = 7
    after = predict(random_model(prepared, "rnn"), prepare(changed, tmp_path), "frozen")
    assert found("frozen") == after


LATE = CUTOFF + 7 * DAY


@pytest.fixture(scope="module")
def other_late(tmp_path_factory: pytest.TempPathFactory) -> RatingSequences:
    """The ratings of `prepared`, with others from a week after the cutoff on."""
    changed = make_ratings()
    future = changed.timestamp >= LATE
    changed.rating[future] = changed.rating[future][::-1] + 1
    return prepare(changed, tmp_path_factory.mktemp("late"))


PARTS = [pytest.param({}, id="network"), pytest.param({"bayesian_factors": 2}, id="factors", marks=pytest.mark.slow)]


@pytest.mark.parametrize("parts", PARTS)
def test_streaming_reveals_later_ratings_to_strictly_later_steps(
    found: Found, prepared: RatingSequences, other_late: RatingSequences, parts: dict[str, int]
) -> None:
    model = random_model(prepared, "rnn", **parts)
    # The network alone was asked for both in other tests too.
    before, frozen = (
        predict(model, prepared, protocol) if parts else found(protocol) for protocol in ("streaming", "frozen")
    )
    after = predict(model, other_late, "streaming")
    assert all(before[key] == after[key] for key in before if key[2] < LATE + DAY)
    assert any(before[key] != after[key] for key in before if key[2] >= LATE + DAY)
    first = min(key[2] for key in before if key[2] >= CUTOFF)
    assert (
        before[next(key for key in before if key[2] == first)] == frozen[next(key for key in frozen if key[2] == first)]
    )
    assert any(before[key] != frozen[key] for key in before if key[2] >= CUTOFF + DAY)
