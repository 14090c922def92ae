"""Updating a saved model: every rating once, whenever and however often it is given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rrn_tf.config import DataConfig
from rrn_tf.data.synthetic import SyntheticConfig
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.serving.export import export_saved_model
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.serving.update import NewRatings, UpdateReport, update
from rrn_tf.states.streaming import streaming_states
from tests.serving.conftest import Saved, compiled, trained_and_saved

DAY = 86_400
LATER = [split for split in Split if split is not Split.TRAIN]
Updated = tuple[SavedRRN, UpdateReport]


@pytest.fixture(scope="module", params=["by_time", pytest.param("by_count", marks=pytest.mark.slow)])
def trained(request: pytest.FixtureRequest, saved: Saved, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """Networks whose steps end by time alone, and by count as well."""
    # By a name of its own: pytest hands a parameter on to what it overrides, which would be trained once more for it.
    if request.param == "by_time":
        return saved
    ratings = SyntheticConfig(users=60, items=30, ratings=700, days=60, seed=7, sitting=6)
    return trained_and_saved(tmp_path_factory.mktemp("by_count"), ratings, DataConfig(shards=1, steps_per_doubling=2))


@pytest.fixture(scope="module")
def base(trained: Saved) -> SavedRRN:
    return compiled(trained.path)


@pytest.fixture(scope="module")
def later(trained: Saved) -> NewRatings:
    """Ratings after the cutoff, in order of time."""
    sequences = trained.result.sequences
    queries = sequences.queries(LATER)
    ratings = NewRatings(**queries, rating=sequences.user.rating[sequences.rating_indices(LATER)])
    return rows(ratings, np.argsort(ratings.timestamp, kind="stable"))


def rows(ratings: NewRatings, chosen: slice | np.ndarray) -> NewRatings:
    return NewRatings(*(column[chosen] for column in ratings))


def some(user: str, item: str, timestamp: int, rating: float = 4.0) -> NewRatings:
    names = (np.array([name], dtype=object) for name in (user, item))
    return NewRatings(*names, np.array([timestamp]), np.array([rating], np.float32))


@pytest.fixture(scope="module")
def updated(tmp_path_factory: pytest.TempPathFactory) -> Callable[[SavedRRN, NewRatings], Updated]:
    def run(model: SavedRRN, ratings: NewRatings) -> Updated:
        network, report = update(model, ratings)
        path = tmp_path_factory.mktemp("updated") / "model"
        export_saved_model(network, path)
        return SavedRRN(path), report

    return run


@pytest.fixture(scope="module")
def whole(base: SavedRRN, later: NewRatings, updated: Callable[[SavedRRN, NewRatings], Updated]) -> Updated:
    return updated(base, later)


def answers(model: SavedRRN, of: NewRatings) -> np.ndarray:
    return model.predict(of.user_id, of.item_id, of.timestamp + 3 * DAY)


def test_counts_and_figures(whole: Updated, trained: Saved, base: SavedRRN, later: NewRatings) -> None:
    _, report = whole
    sequences = trained.result.sequences
    new = [len(sequences.ids(side)) - sequences.metadata.entities(side).trained for side in SIDES]
    assert (report.ratings, report.new_users, report.new_items) == (len(later.rating), *new)
    assert (report.duplicates, report.late, report.before_cutoff) == (0, 0, 0)
    frozen = base.predict(later.user_id, later.item_id, later.timestamp)
    assert report.rmse is not None
    np.testing.assert_allclose(report.rmse["frozen"], np.sqrt(np.mean((frozen - later.rating) ** 2)), rtol=1e-5)
    assert report.rmse["updated"] != report.rmse["frozen"]


def test_frozen_answers_are_those_of_training(base: SavedRRN, trained: Saved) -> None:
    sequences, states = trained.result.sequences, trained.result.states
    found = base.predict(*(sequences.queries(LATER)[name] for name in ("user_id", "item_id", "timestamp")))
    np.testing.assert_allclose(found, states.predict(sequences.rating_indices(LATER)), rtol=1e-5, atol=1e-5)


def test_later_ratings_are_predicted_as_when_streaming(whole: Updated, trained: Saved) -> None:
    rows = trained.result.sequences.rating_indices(LATER)
    streamed = streaming_states(trained.result.model, trained.result.sequences, 128).predict(rows)
    report = whole[1]
    assert report.rmse is not None
    actual = trained.result.sequences.user.rating[rows]
    np.testing.assert_allclose(report.rmse["updated"], np.sqrt(np.mean((streamed - actual) ** 2)), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("pieces", [2, 4])
def test_saved_models_in_between_change_not_one_bit(
    whole: Updated,
    base: SavedRRN,
    later: NewRatings,
    updated: Callable[[SavedRRN, NewRatings], Updated],
    pieces: int,
) -> None:
    model = base
    between = np.flatnonzero(np.diff(later.timestamp)) + 1
    cuts = between[np.linspace(0, len(between), pieces + 1).astype(int)[1:-1]]
    for chosen in np.split(np.arange(len(later.rating)), cuts):
        model, _ = updated(model, rows(later, chosen))
    np.testing.assert_array_equal(answers(model, later), answers(whole[0], later))
    in_pieces, at_once = (one.load_model() for one in (model, whole[0]))
    for side in SIDES:
        assert in_pieces.ids[side].tolist() == at_once.ids[side].tolist()
        for mine, theirs in zip(in_pieces.states[side].variables, at_once.states[side].variables, strict=True):
            np.testing.assert_array_equal(mine.numpy(), theirs.numpy(), err_msg=mine.name)
    for column, other in zip(in_pieces.later, at_once.later, strict=True):
        np.testing.assert_array_equal(column, other)
    assert model.until == whole[0].until == later.timestamp.max() + 1
    user = later.user_id[0]
    recommended = [{item for item, _ in one.recommend(user, one.until, 1_000)} for one in (model, whole[0])]
    assert recommended[0] == recommended[1]


def test_the_same_ratings_again_change_nothing(whole: Updated, later: NewRatings, rng: np.random.Generator) -> None:
    order = rng.permutation(len(later.rating))
    network, report = update(whole[0], rows(later, np.concatenate([order, order[:5]])))
    assert (report.ratings, report.duplicates, report.rmse) == (0, len(later.rating) + 5, None)
    before = whole[0].load_model()
    for side in SIDES:
        for mine, theirs in zip(network.states[side].variables, before.states[side].variables, strict=True):
            np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


@pytest.mark.slow
def test_of_two_equal_rows_the_first_counts(base: SavedRRN) -> None:
    (user,), (item,) = base.ids(Side.USER)[:1], base.ids(Side.ITEM)[:1]
    one, other = (some(user, item, base.cutoff, rating) for rating in (1.0, 5.0))
    both = NewRatings(*(np.concatenate(pair) for pair in zip(one, other, strict=True)))
    (first, report), (alone, _) = update(base, both), update(base, one)
    assert (report.ratings, report.duplicates) == (1, 1)
    np.testing.assert_array_equal(first.states[Side.USER].last_sums, alone.states[Side.USER].last_sums)


def test_ratings_before_the_cutoff_are_left_out(base: SavedRRN) -> None:
    (user,), (item,) = base.ids(Side.USER)[:1], base.ids(Side.ITEM)[:1]
    network, report = update(base, some(user, item, base.cutoff - 1))
    assert (report.ratings, report.before_cutoff) == (0, 1)
    assert network.until == base.until


@pytest.mark.slow
def test_a_rating_in_the_future_does_not_become_the_present(base: SavedRRN) -> None:
    (user,), (item,) = base.ids(Side.USER)[:1], base.ids(Side.ITEM)[:1]
    pair = zip(some(user, item, base.cutoff + DAY), some(user, item, base.cutoff + 9 * DAY), strict=True)
    both = NewRatings(*map(np.concatenate, pair))
    network, report = update(base, both, now=base.cutoff + 2 * DAY)
    assert (report.ratings, network.until) == (2, base.cutoff + DAY + 1)
    assert update(base, both)[0].until == base.cutoff + 9 * DAY + 1
    assert update(base, some(user, item, 4_102_444_800))[0].until == base.until


@pytest.fixture(scope="module")
def two_more(base: SavedRRN, updated: Callable[[SavedRRN, NewRatings], Updated]) -> Updated:
    """The model after a known user's rating of the item recommended first, and a newcomer's of a new item."""
    (user,), now = base.ids(Side.USER)[:1], base.cutoff
    item, _ = base.recommend(user, now, 1)[0]
    new = some("new user", "new item", now + DAY)
    columns = zip(some(user, item, now, 0.5), new, strict=True)
    return updated(base, NewRatings(*map(np.concatenate, columns)))


def test_a_rating_moves_answers_at_once_and_its_item_is_no_longer_recommended(
    base: SavedRRN, two_more: Updated
) -> None:
    after, _ = two_more
    user, now = base.ids(Side.USER)[0], base.cutoff
    item, _ = base.recommend(user, now, 1)[0]
    assert after.predict([user], [item], [now]) != base.predict([user], [item], [now])
    assert item not in {name for name, _ in after.recommend(user, now, 1_000)}
    stranger = base.ids(Side.USER)[1]
    assert item in {name for name, _ in after.recommend(stranger, now, 1_000)}


def test_validation_and_test_ratings_stay_rated(base: SavedRRN, two_more: Updated, trained: Saved) -> None:
    before, after = base.load_model().held_out, two_more[0].load_model().held_out
    for mine, theirs in zip(after, before, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    sequences = trained.result.sequences
    held_out = sequences.interactions(LATER, unseen=True)
    assert len(before.items) == len(held_out.item)
    np.testing.assert_array_equal(
        np.repeat(before.user_ids, np.diff(before.splits)), sequences.user_ids[held_out.user - 1]
    )
    np.testing.assert_array_equal(before.item_ids[before.items], sequences.item_ids[held_out.item - 1])


def test_new_users_and_items_are_known_afterwards(base: SavedRRN, two_more: Updated) -> None:
    after, report = two_more
    assert (report.new_users, report.new_items) == (1, 1)
    assert after.known(Side.USER, ["new user", "other"]).tolist() == [True, False]
    found = {item for item, _ in after.recommend("new user", after.until, 1_000)}
    assert "new item" not in found
    assert len(found) == len(base.ids(Side.ITEM))
    known = base.ids(Side.USER)[0]
    assert "new item" in {item for item, _ in after.recommend(known, after.until, 1_000)}
    newcomer, stranger = (after.predict([name], [base.ids(Side.ITEM)[0]], [after.until]) for name in ("new user", "?"))
    assert newcomer != stranger
    assert after.num_parameters == base.num_parameters
