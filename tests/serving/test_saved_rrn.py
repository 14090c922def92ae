"""The SavedModel: equal to the trained network, alone with TensorFlow, and polite to strangers."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from rrn_tf.features import SIDES, Side, Split
from rrn_tf.serving.saved_files import ModelNotFoundError, find_saved_model
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.states.through_time import StatesThroughTime
from tests.serving.conftest import Saved, compiled, loaded

DAY = 86_400


def rated(saved: Saved, user: int) -> set[str]:
    """All items that a user has rated, in whatever split."""
    sequences = saved.result.sequences
    history = sequences.interactions(Split, unseen=True)
    return set(sequences.item_ids[history.item[history.user == user] - 1])


def later_ratings(saved: Saved) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Users, items, times and the trained network's own predictions after the cutoff, cold rows too."""
    sequences = saved.result.sequences
    rows = sequences.rating_indices([Split.VALID, Split.TEST, Split.VALID_COLD, Split.TEST_COLD])
    user = sequences.user
    return (
        sequences.user_ids[user.row_entity[user.rating_row[rows]] - 1],
        sequences.item_ids[user.opposite[rows] - 1],
        user.timestamp[rows],
        saved.result.states.predict(rows),
    )


@pytest.mark.slow
@pytest.mark.parametrize("network", ["saved", "saved_default"])
def test_frozen_predictions_are_those_of_the_states_through_time(network: str, request: pytest.FixtureRequest) -> None:
    one: Saved = request.getfixturevalue(network)
    users, items, times, _ = later_ratings(one)
    sequences, rows = one.result.sequences, np.flatnonzero(one.result.sequences.user.split != Split.TRAIN)
    user = sequences.user.row_entity[sequences.user.rating_row[rows]]
    through_time = StatesThroughTime(one.result.model, sequences)
    expected = compiled(one.path).predict(users, items, times)
    np.testing.assert_allclose(through_time.predict(user, sequences.user.opposite[rows], times), expected, atol=2e-5)


@pytest.fixture(scope="module")
def model(saved: Saved) -> SavedRRN:
    return compiled(saved.path)


def test_a_server_with_a_gpu_finds_the_fused_kernel(saved: Saved) -> None:
    """Whatever the machine that saved the model, which trains without it where there is no GPU."""
    assert b"CudnnRNN" in (saved.path / "saved_model.pb").read_bytes()


@pytest.mark.slow
def test_answers_in_a_process_that_has_tensorflow_alone(saved: Saved, tmp_path: Path) -> None:
    users, items, times, expected = later_ratings(saved)
    queries = tmp_path / "queries.json"
    queries.write_text(json.dumps([[*users, "stranger"], [*items, items[0]], [*times.tolist(), int(times[0])]]))
    program = """
        import importlib.abc, json, sys

        class Refuse(importlib.abc.MetaPathFinder):
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ("rrn_tf", "tensorflow_recommenders", "tfx", "apache_beam"):
                    raise ImportError(name + " is not there")

        sys.meta_path.insert(0, Refuse())
        import tensorflow as tf

        model = tf.saved_model.load(sys.argv[1])
        users, items, times = json.load(open(sys.argv[2]))
        rating = model.signatures["predict"](
            user_id=tf.constant(users), item_id=tf.constant(items), timestamp=tf.constant(times, tf.int64))["rating"]
        best = model.signatures["recommend"](
            user_id=tf.constant([users[0], "stranger"]), timestamp=tf.constant([times[0]] * 2, tf.int64),
            k=tf.constant(3))
        print(json.dumps([rating.numpy().tolist(), best["item_id"].numpy().astype(str).tolist()]))
    """
    arguments = [sys.executable, "-c", textwrap.dedent(program), str(saved.path), str(queries)]
    done = subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    ratings, best = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(ratings[:-1], expected, rtol=1e-5, atol=1e-5)
    assert np.isfinite(ratings[-1])
    assert all(len(set(row)) == 3 for row in best)


def test_serving_default_reads_examples(saved: Saved, model: SavedRRN) -> None:
    users, items, times, _ = later_ratings(saved)

    def example(user: str, item: str, time: int) -> bytes:
        feature = {
            "user_id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[user.encode()])),
            "item_id": tf.train.Feature(bytes_list=tf.train.BytesList(value=[item.encode()])),
            "timestamp": tf.train.Feature(int64_list=tf.train.Int64List(value=[time])),
        }
        return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()

    examples = [example(*row) for row in zip(users[:9], items[:9], times[:9].tolist(), strict=True)]
    served = loaded(saved.path).signatures["serving_default"](examples=tf.constant(examples))
    np.testing.assert_allclose(served["rating"], model.predict(users[:9], items[:9], times[:9]), rtol=1e-6)


def test_recommendations_are_the_best_unseen_items_at_that_time(saved: Saved, model: SavedRRN) -> None:
    sequences = saved.result.sequences
    trained = sequences.metadata.items.trained
    items = sequences.item_ids[:trained]
    for index, later in ((1, 0), (2, 40 * DAY)):
        user, time = sequences.user_ids[index - 1], model.cutoff + later
        seen = rated(saved, index)
        rating = model.predict([user] * trained, items, [time] * trained)
        found = model.recommend(user, time, 5)
        unseen = [item for item in items if item not in seen]
        assert {item for item, _ in found} <= set(unseen)
        low, high = sequences.metadata.rating_min, sequences.metadata.rating_max
        best = sorted(rating[np.isin(items, unseen)], reverse=True)[:5]
        np.testing.assert_allclose(np.clip([score for _, score in found], low, high), best, rtol=1e-5)


def test_one_batch_gives_what_single_queries_give(saved: Saved, model: SavedRRN) -> None:
    """Users at different times in one request, so that several item steps are scored."""
    ids = saved.result.sequences.user_ids[:4]
    times = [model.cutoff + days * DAY for days in (0, 30, 0, 3)]
    signature = loaded(saved.path).signatures["recommend"]
    batch = signature(user_id=tf.constant(list(ids)), timestamp=tf.constant(times, tf.int64), k=tf.constant(4))[
        "item_id"
    ].numpy()
    for row, (user, time) in enumerate(zip(ids, times, strict=True)):
        assert [name.decode() for name in batch[row]] == [item for item, _ in model.recommend(user, time, 4)]


def test_k_beyond_the_catalogue_gives_what_there_is(saved: Saved, model: SavedRRN) -> None:
    sequences = saved.result.sequences
    user = sequences.user_ids[0]
    seen = rated(saved, 1) & set(sequences.item_ids[: sequences.metadata.items.trained])
    assert len(model.recommend(user, model.cutoff, 10_000)) == sequences.metadata.items.trained - len(seen)


def test_no_items_for_a_negative_k_and_other_lengths_are_refused(model: SavedRRN) -> None:
    for k in (-1, -(2**40)):
        names, scores = model.recommend_many(["u1"], [model.cutoff], k)
        assert names.shape == scores.shape == (1, 0)
    for ask in (lambda: model.predict(["u1"], ["i1"], []), lambda: model.recommend_many(["u1"], [], 1)):
        with pytest.raises(ValueError, match="expected as many rows of timestamp as of user_id, found 0 and 1"):
            ask()


def test_validation_and_test_ratings_are_rated_items_of_strangers_too(saved: Saved, model: SavedRRN) -> None:
    sequences = saved.result.sequences
    catalogue = set(sequences.item_ids[: sequences.metadata.items.trained])
    strangers = np.arange(sequences.metadata.users.trained + 1, len(sequences.user_ids) + 1)
    assert len(strangers)
    for index in (*strangers[:2], 1):
        user = sequences.user_ids[index - 1]
        assert model.known(Side.USER, [user]) == (index == 1)
        left = catalogue - rated(saved, index)
        assert {item for item, _ in model.recommend(user, model.cutoff, 10_000)} == left
        names, scores = model.recommend_many([user], [model.cutoff], 10_000, candidates=[*catalogue])
        assert set(names[scores > -np.inf]) == left
        names, scores = model.recommend_many([user], [model.cutoff], 10_000, exclude=[min(left)])
        assert set(names[scores > -np.inf]) == left - {min(left)}


def test_times_and_ids_of_other_libraries_are_those_of_text(saved: Saved, model: SavedRRN) -> None:
    user, item, time = saved.result.sequences.user_ids[0], saved.result.sequences.item_ids[0], model.cutoff + 30 * DAY
    expected = model.predict([user], [item], [time])
    moment = pd.to_datetime([time], unit="s")
    for times in (
        moment,
        pd.Series(moment),
        moment.to_numpy(),
        [moment[0]],
        [np.datetime64(time, "s")],
        [str(moment[0])],
    ):
        np.testing.assert_array_equal(model.predict(pd.Series([user]), np.array([item]), times), expected)
    assert model.recommend(user, moment[0], 3) == model.recommend(user, time, 3)
    strangers = model.predict([1, 2], np.array([3, 4]), [time, time])
    np.testing.assert_array_equal(strangers, model.predict(["1", "2"], ["3", "4"], [time, time]))
    assert model.known(Side.USER, [1]).tolist() == [False]
    with pytest.raises(TypeError, match="user_id: expected ids that are text or whole numbers, found floating"):
        model.predict([1.5], [item], [time])
    with pytest.raises(TypeError, match="timestamp: expected unix seconds, ISO dates or timestamps, found timedelta"):
        model.recommend_many([user], [pd.Timedelta(1, "d")], 3)


def test_unknown_entities_get_one_newbie_answer(saved: Saved, model: SavedRRN) -> None:
    item, cold = saved.result.sequences.item_ids[0], saved.result.sequences.metadata.items.trained
    strangers = model.predict(["who", "", "nobody"], [item] * 3, [model.cutoff] * 3)
    assert len(set(strangers.tolist())) == 1
    assert np.isfinite(strangers).all()
    assert model.known(Side.ITEM, [item, "", "who"]).tolist() == [True, False, False]
    assert not model.known(Side.ITEM, saved.result.sequences.item_ids[cold:]).any()


def test_the_wallclock_moves_predictions_and_the_past_does_not(saved: Saved, model: SavedRRN) -> None:
    users, items = saved.result.sequences.user_ids[:5], saved.result.sequences.item_ids[:5]
    now, later, before, long_before = (
        model.predict(users, items, [model.cutoff + shift] * 5) for shift in (0, 60 * DAY, -DAY, -1000 * DAY)
    )
    assert not np.array_equal(now, later)
    np.testing.assert_array_equal(now, before)
    np.testing.assert_array_equal(now, long_before)


def test_states_without_training_rows_are_newbies(saved: Saved) -> None:
    for side in SIDES:
        states = saved.result.states.entities[side]
        trained = saved.result.sequences.metadata.entities(side).trained
        newbie = states.last_context.numpy()[:, 0] == 1
        assert newbie[0]
        assert not newbie[1 : trained + 1].any()
        assert newbie[trained + 1 :].all()


def test_only_python_has_a_model_compiled_that_was_not_saved_so(saved: Saved) -> None:
    module = tf.saved_model.load(str(saved.path))
    assert not module.compiled.numpy()
    SavedRRN(module)
    assert module.compiled.numpy()


def test_finds_a_model_in_a_run_and_among_versions(saved: Saved, tmp_path: Path) -> None:
    assert find_saved_model(saved.path.parent) == saved.path
    for version in ("9", "10"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "saved_model.pb").touch()
    assert find_saved_model(tmp_path).name == "10"
    with pytest.raises(ModelNotFoundError, match="expected a SavedModel"):
        find_saved_model(tmp_path / "nowhere")
