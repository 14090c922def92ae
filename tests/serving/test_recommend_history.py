"""Users whose ratings come with the request are recommended what is predicted for them from these ratings."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.features import Side
from rrn_tf.serving.histories import Histories
from rrn_tf.serving.recommend_users import Recommended, recommend_users
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.saved_rrn import SavedRRN
from tests.serving.conftest import Saved, SavedEvents, loaded

DAY = 86_400


@pytest.fixture(scope="module")
def model(saved_default: Saved) -> SavedRRN:
    return SavedRRN(loaded(saved_default.path), compiled=False)


def ratings_of(model: SavedRRN, rng: np.random.Generator) -> Histories:
    """Ratings of a new user, of a known one and of one with an unknown item, as of the model's last days."""
    items = model.ids(Side.ITEM)
    user = np.repeat(["new", "u1", "other"], [5, 3, 2])
    item = [*rng.permutation(items)[:5], *items[:3], "no item", items[4]]
    time = model.until - 20 * DAY + 2 * DAY * rng.permutation(10)
    return Histories(user, item, time, rng.integers(1, 6, 10))


def recommended(
    model: SavedRRN, users: list[str], time: int | None, k: int, histories: Histories, **options
) -> Recommended:  # type: ignore[no-untyped-def]
    ids = np.array(users, object)
    times = np.full(len(ids), time or 0)
    return recommend_users(model, ids, times, np.full(len(ids), time is not None), k, histories=histories, **options)


def test_scores_are_the_ratings_predicted_from_the_history(model: SavedRRN, rng: np.random.Generator) -> None:
    given, users, later = ratings_of(model, rng), ["u2", "new", "u1", "other", "nobody"], model.until + 40 * DAY
    found = recommended(model, users, later, 30, given)
    assert found.known.tolist() == [True, False, True, False, False]
    signature = loaded_signature(model)
    rated = {user: set(given.item_id[given.user_id == user]) for user in users}
    for row, user in enumerate(users):
        inside = found.value[row] > -np.inf
        items, scores = found.item[row][inside], found.value[row][inside]
        if user not in ("new", "u1", "other"):
            expected = model.recommend(user, later, 30)
            assert items.tolist() == [item for item, _ in expected]
            continue
        mine = given.user_id == user
        low, high = model.metadata.rating_min, model.metadata.rating_max
        told = signature(
            user_id=tf.constant([user] * len(items)),
            item_id=tf.constant(items, tf.string),
            timestamp=tf.constant([later] * len(items), tf.int64),
            history_item_id=tf.constant([list(given.item_id[mine])] * len(items), tf.string),
            history_rating=tf.constant([given.rating[mine]] * len(items)),
            history_timestamp=tf.constant([given.timestamp[mine]] * len(items), tf.int64),
        )["rating"].numpy()
        np.testing.assert_allclose(np.clip(scores, low, high), told, rtol=1e-4)
        assert (np.diff(scores) <= 0).all()
        stored = {item for item, _ in model.recommend(user, later, 30)}
        assert set(items) == stored - rated[user]


def loaded_signature(model: SavedRRN):  # type: ignore[no-untyped-def]
    return model._module.signatures["predict_from_history"]


def test_lists_of_items_hold_for_histories_too(model: SavedRRN, rng: np.random.Generator) -> None:
    given, users = ratings_of(model, rng), ["new", "u2", "other"]
    whole = recommended(model, users, None, 30, given)
    out = list(whole.item[0][:2])
    among = [*whole.item[0][1:6], "no item"]
    found = recommended(model, users, None, 3, given, exclude=out, candidates=among)
    for row in range(len(users)):
        left = [item for item in whole.item[row] if item in among and item not in out and item]
        assert [item for item in found.item[row] if item] == left[:3]
    without = recommended(model, users, None, 30, given, exclude=out)
    assert [item for item in without.item[0] if item] == [item for item in whole.item[0][2:] if item]


def test_by_default_the_whole_history_counts(model: SavedRRN) -> None:
    items = model.ids(Side.ITEM)
    late = model.until + 100 * DAY
    one, two = (Histories(["new"] * 2, items[:2], [late, late + 5], [rating, 5]) for rating in (1, 5))
    now, other = (recommended(model, ["new"], None, 10, given).value for given in (one, two))
    assert (now != other).any()
    early = recommended(model, ["new"], late, 10, one)
    np.testing.assert_array_equal(early.value, recommended(model, ["new"], late, 10, two).value)
    assert not set(items[:2]) & set(early.item[0])


def test_events_of_a_request_follow_the_stored_ones(saved_mixture: SavedEvents, saved_events: SavedEvents) -> None:
    for saved in (saved_mixture, saved_events):
        model = SavedCollaborativeRNN(loaded(saved.path))
        known, items = str(model.user_ids[1]), [str(name) for name in model.item_ids[:3]]
        last = int(model.training_events().timestamp.max())
        given = Histories(["new", "new", known], items, [last + 9, last + 5, last + 7])
        users = np.array(["nobody", known, "new"], object)
        found = recommend_users(model, users, np.zeros(3, np.int64), np.zeros(3, bool), 4, histories=given)
        times = {"history_timestamp": [last + 7], "timestamp": last + 7} if model.is_mixture else {}
        expected = [model.next_items("nobody", [], 4), model.next_items(known, items[2:], 4, **times)]
        times = {"history_timestamp": [last + 5, last + 9], "timestamp": last + 9} if model.is_mixture else {}
        expected.append(model.next_items("new", [items[1], items[0]], 4, **times))
        for row, of_user in enumerate(expected):
            assert found.item[row].tolist() == [item for item, _ in of_user]
            np.testing.assert_allclose(found.value[row], np.exp([value for _, value in of_user]), rtol=1e-4)


def test_candidates_among_events_share_the_probability(saved_mixture: SavedEvents) -> None:
    model = SavedCollaborativeRNN(loaded(saved_mixture.path))
    users, every = np.array([*model.user_ids[:3], "nobody"], object), list(model.item_ids)
    whole, found = model.next_items_of(users, len(every))
    among = [*every[1:4], "no item"]
    names, values = model.next_items_of(users, 9, candidates=among)
    for row in range(len(users)):
        inside = np.isin(whole[row], among)
        assert names[row].tolist() == [*whole[row][inside], ""]
        np.testing.assert_allclose(
            np.exp(values[row][:3]), np.exp(found[row][inside]) / np.exp(found[row][inside]).sum(), rtol=1e-4
        )
    assert model.next_items_of(users, 9, candidates=[])[0].shape == (4, 0)
