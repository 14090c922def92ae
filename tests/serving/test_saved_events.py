"""What a saved Collaborative RNN answers, with TensorFlow alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.features import HISTORY, ITEM_ID, LOG_PROBABILITY, USER_ID
from rrn_tf.serving.export_events import export_event_model
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.states.event_snapshot import EventSnapshot
from tests.serving.conftest import ITEMS, SavedEvents, loaded, trained_on_events


def ask(path: Path, users: list[str], histories: list[list[str]], k: int) -> tuple[np.ndarray, np.ndarray]:
    answer = loaded(path).signatures["next_items"](
        **{USER_ID: tf.constant(users), HISTORY: tf.constant(histories), "k": tf.constant(k)}
    )
    return np.char.decode(answer[ITEM_ID].numpy().astype("S")), answer[LOG_PROBABILITY].numpy()


def check(result: EventSnapshot, state: tf.Tensor, names: np.ndarray, found: np.ndarray) -> None:
    expected = tf.nn.log_softmax(state @ result.model.softmax.kernel).numpy()
    index = np.array([[int(name.split()[1]) for name in row] for row in names])
    np.testing.assert_allclose(found, -np.sort(-expected)[:, : found.shape[1]], rtol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(expected, index, axis=1), found, rtol=1e-5)


def test_known_users_go_on_from_their_states(saved_events: SavedEvents) -> None:
    result, path = saved_events
    names, found = ask(path, ["user 2", "user 0"], [["item 3", "item 1"], ["item 5", ""]], 4)
    cell, user = result.model.cell, tf.constant([3, 1])
    state = cell.step(user, tf.constant([4, 6]), tf.gather(result.states, user))
    state = tf.where([[True], [False]], cell.step(user, tf.constant([2, 1]), state), state)
    check(result, state, names, found)


def test_unknown_users_start_from_the_mean_matrix(saved_events: SavedEvents) -> None:
    result, path = saved_events
    names, found = ask(path, ["nobody", ""], [["item 3", "unknown"]] * 2, ITEMS)
    cell = result.model.cell
    matrices = [tf.reduce_mean(table[1:], axis=0)[tf.newaxis] for table in cell.recurrent]
    state = cell.transition(cell.embed(tf.constant([4])), cell.initial_state(1), matrices)
    check(result, tf.repeat(state, 2, axis=0), names, found)


def test_any_k_and_no_history(saved_events: SavedEvents) -> None:
    _, path = saved_events
    for k, width in ((-1, 0), (0, 0), (100, ITEMS)):
        answer = loaded(path).signatures["next_items"](
            **{USER_ID: tf.constant(["user 1"]), HISTORY: tf.zeros([1, 0], tf.string), "k": tf.constant(k)}
        )
        assert answer[ITEM_ID].shape == (1, width)


def test_odd_requests_from_python(saved_events: SavedEvents) -> None:
    model = SavedCollaborativeRNN(loaded(saved_events.path))
    for candidates in (None, ["item 1"]):
        names, found = model.next_items_of(["user 1"], -1, candidates=candidates)
        assert names.shape == found.shape == (1, 0)
    assert model.next_items_of([], 2, history=[], exclude=["item 1"])[0].shape == (0, 2)
    for history, said in (
        ([["item 1"], ["item 1", "item 2"]], "history: expected rows of one length"),
        (["item 1", "item 2"], "history: expected rows of one length"),
        ([["item 1"]], "expected as many rows of history as of user_id, found 1 and 2"),
    ):
        with pytest.raises(ValueError, match=said):
            model.next_items_of(["user 1", "user 2"], 2, history=history)
    with pytest.raises(ValueError, match="expected a history_timestamp for each history, found 2 and 1"):
        model.next_items_of(["user 1"], 2, history=[["item 1"]], history_timestamp=[[1, 2]], exclude=["item 1"])


def test_examples_are_answered_alike(saved_events: SavedEvents) -> None:
    _, path = saved_events

    def example(user: str, history: list[str]) -> bytes:
        def text(values: list[str]) -> tf.train.Feature:
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[v.encode() for v in values]))

        features = tf.train.Features(feature={USER_ID: text([user]), HISTORY: text(history)})
        return tf.train.Example(features=features).SerializeToString()

    module = loaded(path)
    answer = module.signatures["serving_default"](
        examples=tf.constant([example("user 2", ["item 3", "item 1"]), example("user 0", [])])
    )
    names, found = ask(path, ["user 2", "user 0"], [["item 3", "item 1"], ["", ""]], 10)
    np.testing.assert_array_equal(np.char.decode(answer[ITEM_ID].numpy().astype("S")), names)
    np.testing.assert_allclose(answer[LOG_PROBABILITY].numpy(), found, rtol=1e-6)


def test_shared_matrices_serve_everybody(tmp_path: Path) -> None:
    result = trained_on_events(matrices="shared")
    export_event_model(result, tmp_path)
    names, found = ask(tmp_path, ["user 1"], [["item 0"]], 3)
    user = tf.constant([2])
    check(result, result.model.cell.step(user, tf.constant([1]), tf.gather(result.states, user)), names, found)


@pytest.mark.parametrize(("matrices", "pooled"), [("shared", True), ("personal", False)])
def test_a_model_saved_with_the_old_name_of_a_setting_loads(matrices: str, pooled: bool, tmp_path: Path) -> None:
    result = trained_on_events(matrices=matrices)
    export_event_model(result, tmp_path)
    module = tf.saved_model.load(str(tmp_path))
    about = json.loads(module.about.numpy())
    assert about["model"].pop("matrices") == matrices
    about["model"]["pooled"] = pooled
    module.about.assign(json.dumps(about))
    users = SavedCollaborativeRNN(module).load_users(np.array(["user 1"], object))
    found = users.model.cell.matrices(tf.constant([1]))
    for one, other in zip(found, result.model.cell.matrices(tf.constant([2])), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_stationary_factors_stand_beside_the_state(tmp_path: Path) -> None:
    result = trained_on_events(stationary=2)
    export_event_model(result, tmp_path)
    names, found = ask(tmp_path, ["user 1", "nobody"], [["", ""], ["", ""]], 3)
    beside = np.zeros((2, 6), np.float32)
    beside[0] = np.concatenate([result.states[2], result.model.stationary.table.numpy()[2]])
    check(result, tf.constant(beside), names, found)


@pytest.mark.slow
def test_serves_without_the_package(saved_events: SavedEvents, tmp_path: Path) -> None:
    code = f"""
import sys
sys.modules["rrn_tf"] = None
import tensorflow as tf
signature = tf.saved_model.load({str(saved_events.path)!r}).signatures["next_items"]
answer = signature(user_id=tf.constant(["user 1"]), history=tf.constant([["item 0"]]), k=tf.constant(2))
assert answer["item_id"].shape == (1, 2)
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
