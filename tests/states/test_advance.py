"""Later ratings in parts: the same states as all at once, and the reference's predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rrn_tf.data.batches import plan_batches
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.data.wallclock import NEVER
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.states.advance import PIECE, Advanced, advance, with_newbies
from rrn_tf.states.snapshot import LaterRatings, RatedItems, RRNSnapshot
from rrn_tf.states.step_states import StepStates
from tests.reference import weights_of
from tests.test_forward_pass import CUTOFF, DAY, make_ratings, prepare, random_model, reference_on

pytestmark = pytest.mark.slow
LATER = [split for split in Split if split is not Split.TRAIN]
INPUTS: list[dict[str, Any]] = [
    {"inputs": "ratings", "bayesian_factors": 3},
    {"inputs": "innovations", "include_opposite_state": True, "ensemble": 2, "time_feature": "delta"},
]
Ratings = dict[str, np.ndarray]


@pytest.fixture(scope="module", params=[0, 2], ids=["by_time", "by_count"])
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RatingSequences:
    directory, by_count = tmp_path_factory.mktemp("prepared"), request.param
    return prepare(make_ratings(sittings=by_count > 0), directory, steps_per_doubling=by_count)


@pytest.fixture(scope="module")
def later(prepared: RatingSequences) -> Ratings:
    """Ratings after the cutoff, in order of time: several a step, and of unseen users and items."""
    rows = prepared.rating_indices(LATER)
    ratings = {**prepared.queries(LATER), "rating": prepared.user.rating[rows]}
    return part(ratings, np.lexsort((ratings["item_id"], ratings["timestamp"])))


def part(ratings: Ratings, rows: Any) -> Ratings:
    return {name: values[rows] for name, values in ratings.items()}


@pytest.fixture(scope="module", params=INPUTS, ids=lambda settings: settings["inputs"])
def network(request: pytest.FixtureRequest, prepared: RatingSequences) -> RRNSnapshot:
    """A network with random weights, its states at the cutoff."""
    model = random_model(prepared, "lstm", **request.param)
    plans = {side: plan_batches(prepared.side(side), prepared.metadata, rows_per_batch=64) for side in SIDES}
    states = StepStates(model, prepared, plans)
    states.refresh_all()
    trained = {side: prepared.metadata.entities(side).trained for side in SIDES}
    at_cutoff = {side: states.entities[side].of_first(model, side, trained[side]) for side in SIDES}
    ids = {side: prepared.ids(side)[: trained[side]] for side in SIDES}
    nothing = RatedItems(np.zeros(trained[Side.USER] + 2, np.int64), np.empty(0, np.int64))
    return RRNSnapshot(
        model, at_cutoff, prepared.metadata, ids, nothing, LaterRatings.none(), CUTOFF, since=0, metrics={}
    )


def roll(
    network: RRNSnapshot, user_id: Any, item_id: Any, timestamp: Any, rating: Any, piece: int = PIECE
) -> tuple[RRNSnapshot, Advanced]:
    """The network after ratings, and what they did."""
    network, table = with_newbies(network, user_id, item_id, by_id=True)
    columns = {"timestamp": np.asarray(timestamp, np.int64), "rating": np.asarray(rating, np.float32)}
    rolled = advance(network, table._replace(**columns), piece=piece)
    return network._replace(states=rolled.states), rolled


def check_same_states(one: RRNSnapshot, other: RRNSnapshot, tolerance: float = 0) -> None:
    for side in SIDES:
        assert one.ids[side].tolist() == other.ids[side].tolist()
        columns = ([*states.by_entity, *states.beliefs] for states in (one.states[side], other.states[side]))
        for mine, theirs in zip(*columns, strict=True):
            np.testing.assert_allclose(
                np.asarray(mine), np.asarray(theirs), tolerance, tolerance, err_msg=getattr(mine, "name", "a belief")
            )


def rolled_in_pieces(
    network: RRNSnapshot, later: Ratings, cuts: np.ndarray, rng: np.random.Generator
) -> tuple[RRNSnapshot, np.ndarray]:
    """The network after pieces of the ratings, each in any order, and what they were predicted as."""
    predicted = np.empty(len(later["rating"]), np.float32)
    for piece in np.split(np.arange(len(predicted)), cuts):
        rows = rng.permutation(piece)
        network, found = roll(network, **part(later, rows))
        predicted[rows] = found.predicted
        assert not found.late.any()
    return network, predicted


def test_pieces_that_divide_no_second_give_the_same_bits(
    network: RRNSnapshot, later: Ratings, rng: np.random.Generator
) -> None:
    after_all, whole = roll(network, **later)
    between = np.flatnonzero(np.diff(later["timestamp"])) + 1
    rolled, predicted = rolled_in_pieces(network, later, np.sort(rng.choice(between, 3, replace=False)), rng)
    np.testing.assert_array_equal(predicted, whole.predicted)
    check_same_states(after_all, rolled)


def test_a_piece_of_one_second_alone_gives_the_same_bits(network: RRNSnapshot, later: Ratings) -> None:
    after_all, whole = roll(network, **later)
    between = np.flatnonzero(np.diff(later["timestamp"])) + 1
    rolled, predicted = rolled_in_pieces(network, later, between[[2, 3, -1]], np.random.default_rng(1))
    np.testing.assert_array_equal(predicted, whole.predicted)
    check_same_states(after_all, rolled)


@pytest.mark.parametrize("pieces", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_pieces_give_the_states_of_one_pass(
    network: RRNSnapshot, later: Ratings, pieces: int, rng: np.random.Generator
) -> None:
    after_all, whole = roll(network, **later)
    count, day = len(later["rating"]), (later["timestamp"] - CUTOFF) // DAY
    inside = day[1:] == day[:-1]  # of steps
    if network.metadata.steps_per_doubling:  # of an item's ratings of one second
        inside = np.logical_and.reduce([later[name][1:] == later[name][:-1] for name in ("timestamp", "item_id")])
    cuts = np.sort(rng.choice(np.flatnonzero(inside) + 1, pieces - 1, replace=False))
    rolled, predicted = rolled_in_pieces(network, later, cuts, rng)
    # A second that is divided is summed in another order.
    check_same_states(after_all, rolled, tolerance=1e-5)
    np.testing.assert_allclose(predicted, whole.predicted, rtol=1e-5, atol=1e-5)
    rolled, in_pieces = roll(network, **later, piece=count // pieces)
    check_same_states(after_all, rolled)
    np.testing.assert_array_equal(in_pieces.predicted, whole.predicted)
    moved = (np.abs(after_all.states[side].state[0][1:4] - network.states[side].state[0][1:4]) for side in SIDES)
    assert min(float(values.max()) for values in moved) > 0.01


def test_each_is_predicted_as_the_reference_does(
    network: RRNSnapshot, prepared: RatingSequences, later: Ratings
) -> None:
    settings, half = network.model.settings, len(later["rating"]) // 2
    halfway, first = roll(network, **part(later, slice(half)))
    _, second = roll(halfway, **part(later, slice(half, None)))
    found = np.concatenate([first.predicted, second.predicted])
    of_each_network = []
    for member in range(settings["ensemble"]):
        reference, keys = reference_on(
            prepared,
            weights_of(network.model, member),
            inputs=settings["inputs"],
            gaps=settings["time_feature"] == "delta",
            model=network.model if settings["bayesian_factors"] else None,
        )
        of_each_network.append(dict(zip(keys, reference.predict_all("streaming"), strict=True)))
    keys = list(zip(later["user_id"], later["item_id"], later["timestamp"].tolist(), strict=True))
    expected = [np.mean([of_member[key] for of_member in of_each_network]) for key in keys]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_late_ratings_join_the_open_step(network: RRNSnapshot, later: Ratings) -> None:
    base, _ = roll(network, **later)
    user, item = network.ids[Side.USER][0], network.ids[Side.ITEM][0]
    steps = {side: int(base.states[side].last_step.numpy()[1]) for side in SIDES}
    assert steps[Side.USER] > 0, "the user should have later ratings"
    begins = {Side.USER: CUTOFF + DAY * steps[Side.USER], Side.ITEM: CUTOFF + 7 * DAY * steps[Side.ITEM]}
    if network.metadata.steps_per_doubling:
        begins = {side: int(base.states[side].pending_steps.begin[1]) for side in SIDES}
    pending = begins[Side.USER]
    (_, late), (_, in_time) = (roll(base, [user], [item], [time], [4.0]) for time in (CUTOFF, pending))
    assert (late.late.tolist(), in_time.late.tolist()) == ([True], [pending < begins[Side.ITEM]])
    before, after = base.states[Side.USER], late.states[Side.USER]
    np.testing.assert_array_equal(after.last_step, before.last_step)
    np.testing.assert_array_equal(after.state[0], before.state[0])
    assert not np.allclose(after.last_sums[1], before.last_sums[1])
    np.testing.assert_array_equal(after.last_sums[2:], before.last_sums[2:])
    if network.model.inputs == "ratings":  # whose sums do not depend on the item's state
        np.testing.assert_allclose(after.last_sums, in_time.states[Side.USER].last_sums, rtol=1e-6)


def test_new_users_and_items_start_as_newbies(network: RRNSnapshot) -> None:
    rolled, _ = roll(network, ["new", "new"], ["fresh", network.ids[Side.ITEM][0]], [CUTOFF] * 2, [1.0, 5.0])
    for side, name in ((Side.USER, "new"), (Side.ITEM, "fresh")):
        states, known = rolled.states[side], len(network.ids[side])
        assert rolled.ids[side][-1] == name
        assert states.last_step.numpy()[known + 1] == 0
        assert states.last_step.numpy()[0] == NEVER
        assert np.abs(states.state[0][known + 1]).max() > 0.01


def test_refuses_what_the_states_have_seen_already(network: RRNSnapshot) -> None:
    with pytest.raises(ValueError, match="at or after the cutoff"):
        roll(network, ["u01"], ["i01"], [CUTOFF - 1], [3.0])


def test_no_ratings_change_nothing(network: RRNSnapshot) -> None:
    after, rolled = roll(network, [], [], [], [])
    assert rolled.predicted.shape == (0,)
    check_same_states(network, after)
