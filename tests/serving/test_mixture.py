"""A saved mixture answers as evaluation scores, of known users and of new ones, with times and without."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from click.testing import CliRunner
from tensorflow.core.protobuf import saved_model_pb2

from rrn_tf.cli.main import main
from rrn_tf.evaluation.event_protocols import CLEAN
from rrn_tf.evaluation.network_scores import MixtureEventModel
from rrn_tf.features import Split
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.serving.event_file import evaluate_event_file
from rrn_tf.serving.export_events import export_event_model
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.user_file import recommend_file
from rrn_tf.states.event_snapshot import EventSnapshot
from tests.events import RHYTHMIC_ITEMS as ITEMS
from tests.serving.conftest import SavedEvents, loaded

pytestmark = pytest.mark.usefixtures("models_load_once")


@pytest.fixture(scope="module")
def result(saved_mixture: SavedEvents) -> EventSnapshot:
    return saved_mixture.result


@pytest.fixture(scope="module")
def path(saved_mixture: SavedEvents) -> Path:
    return saved_mixture.path


def asked(result: EventSnapshot) -> dict[str, Any]:
    """The last event of each user, with those since training, of which one item is unknown to the model."""
    sequences = result.sequences
    last = sequences.user_splits[2:] - 1
    histories = [
        np.flatnonzero((sequences.user == sequences.user[p]) & (sequences.split != Split.TRAIN))[:-1] for p in last
    ]
    ids, times = np.full((len(last), 7), "", object), np.zeros((len(last), 7), np.int64)
    for row, positions in enumerate(histories):
        ids[row, : len(positions)] = sequences.item_ids[sequences.item[positions] - 1]
        times[row, : len(positions)] = sequences.timestamp[positions]
    ids[0, 6] = "never seen"
    return {
        "user_id": tf.constant(sequences.user_ids[sequences.user[last] - 1], tf.string),
        "history": tf.constant(ids, tf.string),
        "history_timestamp": tf.constant(times),
        "timestamp": tf.constant(sequences.timestamp[last]),
    }


def at(signature: Callable[..., dict[str, tf.Tensor]], **request: Any) -> dict[str, tf.Tensor]:
    """What `next_items_at` answers; what is not given has its default, as in TensorFlow Serving."""
    defaults = {
        "history_timestamp": tf.zeros([0, 0], tf.int64),
        "timestamp": tf.zeros([0], tf.int64),
        "exclude": tf.constant([], tf.string, [0, 0]),
        "new_only": tf.constant(False),
    }
    return signature(**{**defaults, **request})


def by_item(answer: dict[str, tf.Tensor], result: EventSnapshot) -> np.ndarray:
    """float[N, M], probabilities in order of the items."""
    place = pd.Categorical(answer["item_id"].numpy().astype(str).ravel(), categories=result.sequences.item_ids).codes
    found = np.empty(answer["item_id"].shape)
    np.put_along_axis(found, place.reshape(found.shape), np.exp(answer["log_probability"].numpy()), axis=1)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("without", [(), ("hour", "meeting", "network")])
def test_answers_are_the_distributions_of_evaluation(
    without: tuple[str, ...], result: EventSnapshot, path: Path, tmp_path: Path
) -> None:
    if without:
        assert isinstance(result.model, CollaborativeMixture)
        model = CollaborativeMixture(**{**result.model.settings, "without": without})
        model.set_weights(result.model.get_weights())
        result, path = replace(result, model=model), tmp_path
        export_event_model(result, path)
    signatures = loaded(path).signatures
    found = by_item(at(signatures["next_items_at"], **asked(result), k=tf.constant(ITEMS)), result)
    assert isinstance(result.model, CollaborativeMixture)
    assert result.counts is not None
    model, sequences = MixtureEventModel(result.model, result.counts, "mixture"), result.sequences
    last = sequences.user_splits[2:] - 1
    expected = np.exp(model._distribution(model._contexts(sequences, last)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_old_requests_are_answered_as_of_the_last_known_event(result: EventSnapshot, path: Path) -> None:
    signatures, sequences = loaded(path).signatures, result.sequences
    request = asked(result)
    train_ends = [np.flatnonzero((sequences.user == u) & (sequences.split == Split.TRAIN))[-1] for u in range(1, 9)]
    now = sequences.timestamp[train_ends]
    timed = {**request, "history_timestamp": tf.repeat(now[:, np.newaxis], 7, axis=1), "timestamp": tf.constant(now)}
    old = {name: request[name] for name in ("user_id", "history")}
    one = signatures["next_items"](**old, k=tf.constant(4))
    for two in (at(signatures["next_items_at"], **given, k=tf.constant(4)) for given in (timed, old)):
        np.testing.assert_array_equal(one["item_id"], two["item_id"])
        np.testing.assert_allclose(one["log_probability"], two["log_probability"], rtol=1e-6)


def test_a_request_reads_the_items_without_a_copy(result: EventSnapshot, path: Path) -> None:
    module = loaded(path)
    user, history = str(result.sequences.user_ids[0]), [[str(name) for name in result.sequences.item_ids[:2]]]
    module.signatures["next_items"](user_id=tf.constant([user]), history=tf.constant(history), k=tf.constant(3))
    # After a lookup in the variable itself each of these would be a copy.
    both = [np.asarray(memoryview(module._vectors.read_value())) for _ in range(2)]
    assert np.shares_memory(*both)


def test_what_is_left_out_takes_no_share(result: EventSnapshot, path: Path) -> None:
    signature, sequences = loaded(path).signatures["next_items_at"], result.sequences
    request = asked(result)
    whole = by_item(at(signature, **request, k=tf.constant(ITEMS)), result)
    users = len(whole)
    # All events, also the last one, which is not in the request: those of validation and test are known to be met.
    met = np.zeros((users, ITEMS), bool)
    met[sequences.user - 1, sequences.item - 1] = True
    names = np.array([[str(sequences.item_ids[2]), "", "no item"]] * users)
    excluded = np.zeros((users, ITEMS), bool)
    excluded[:, 2] = True
    for without, more in (
        (met, {"new_only": tf.constant(True)}),
        (excluded, {"exclude": tf.constant(names)}),
        (met | excluded, {"new_only": tf.constant(True), "exclude": tf.constant(names)}),
    ):
        answer = at(signature, **request, k=tf.constant(ITEMS), **more)
        left = ~without
        assert ((answer["item_id"].numpy() != b"").sum(axis=1) == left.sum(axis=1)).all()
        expected = np.where(left, whole, 0)
        expected /= np.maximum(expected.sum(axis=1, keepdims=True), 1e-30)
        for row in range(users):
            for name, value in zip(answer["item_id"].numpy()[row], answer["log_probability"].numpy()[row], strict=True):
                if name:
                    item = list(sequences.item_ids).index(name.decode())
                    assert np.exp(value) == pytest.approx(expected[row, item], rel=1e-4)
                else:
                    assert value == -np.inf


def test_tensorflow_serving_knows_the_defaults(path: Path) -> None:
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((path / "saved_model.pb").read_bytes())
    defaults = saved.meta_graphs[0].signature_def["next_items_at"].defaults
    assert set(defaults) == {"history_timestamp", "timestamp", "exclude", "new_only"}
    assert tf.make_ndarray(defaults["exclude"]).shape == (0, 0)
    assert not tf.make_ndarray(defaults["new_only"])


def test_python_asks_with_times_and_without(result: EventSnapshot, path: Path) -> None:
    saved, user, item = (
        SavedCollaborativeRNN(loaded(path)),
        str(result.sequences.user_ids[0]),
        str(result.sequences.item_ids[1]),
    )
    plain, timed = (
        saved.next_items(user, [item], 3),
        saved.next_items(user, [item], 3, history_timestamp=[1_400_000_000], timestamp=1_400_020_000),
    )
    assert len(plain) == len(timed) == 3
    assert [value for _, value in plain] != [value for _, value in timed]
    best = plain[0][0]
    without = saved.next_items(user, [item], 3, exclude=[best])
    new = saved.next_items(user, [item], ITEMS, new_only=True)
    assert best not in dict(without)
    assert without[0][1] > plain[1][1]
    assert item not in dict(new)
    assert len(new) < ITEMS
    with pytest.raises(ValueError, match="expected timestamp, and history_timestamp for each event"):
        saved.next_items(user, [item], 3, timestamp=5)
    moments = pd.to_datetime([1_400_000_000, 1_400_020_000], unit="s")
    assert timed == saved.next_items(user, [item], 3, history_timestamp=moments[:1], timestamp=moments[1])
    names, found = saved.next_items_of(
        [user], 3, moments[1:], history=[[item]], history_timestamp=moments[:1].values[None]
    )
    assert names[0].tolist() == [name for name, _ in timed]
    assert found[0].tolist() == [value for _, value in timed]
    assert saved.next_items(7, [8], 3) == saved.next_items("7", ["8"], 3)
    with pytest.raises(TypeError, match="timestamp: expected unix seconds, ISO dates or timestamps, found timedelta"):
        saved.next_items(user, [], 3, history_timestamp=[], timestamp=pd.Timedelta(1, "d"))
    with pytest.raises(TypeError, match="history: expected ids that are text or whole numbers, found floating"):
        saved.next_items(user, [1.5], 3)


def test_a_file_of_users_is_answered_as_each_alone(result: EventSnapshot, path: Path, tmp_path: Path) -> None:
    model, users = SavedCollaborativeRNN(loaded(path)), [*map(str, result.sequences.user_ids[::-1]), "nobody"]
    times = [1_400_000_000 + 40_000 * n if n % 3 else None for n in range(len(users))]
    file = tmp_path / "users.csv"
    file.write_text("\n".join(["user_id,timestamp", *(f"{user},{time or ''}" for user, time in zip(users, times))]))
    outcome = recommend_file(model, file, tmp_path / "next.csv", 3, "probability")
    assert (outcome.users, outcome.unknown_users, outcome.messages) == (len(users), 1, [])
    found = pd.read_csv(tmp_path / "next.csv")
    assert found.user_id.tolist() == [user for user in users for _ in range(3)]
    for user, time in zip(users, times):
        expected = model.next_items(user, [], 3, **({"history_timestamp": [], "timestamp": time} if time else {}))
        of_user = found[found.user_id == user]
        assert of_user.item_id.tolist() == [item for item, _ in expected]
        assert of_user.probability.to_numpy() == pytest.approx(np.exp([value for _, value in expected]), rel=1e-4)


@pytest.mark.parametrize("more", [(), ("--at", "2014-05-06")])
def test_the_command_line_recommends_next_items(
    more: tuple[str, ...], result: EventSnapshot, path: Path, tmp_path: Path
) -> None:
    file, user = tmp_path / "items.json", str(result.sequences.user_ids[0])
    asked = ["recommend", "--model", str(path), "--user", user, "-k", "3", "--json", str(file), *more]
    said = CliRunner().invoke(main, asked)
    assert said.exit_code == 0, said.output
    answer = json.loads(file.read_text())
    times = {"history_timestamp": [], "timestamp": 1_399_334_400} if more else {}
    expected = SavedCollaborativeRNN(loaded(path)).next_items(user, [], 3, **times)
    assert [item["item"] for item in answer["items"]] == [item for item, _ in expected]
    assert [item["probability"] for item in answer["items"]] == pytest.approx([np.exp(p) for _, p in expected])
    assert answer["known"]
    if not more:
        assert "as to a newcomer" in CliRunner().invoke(main, [*asked[:4], "nobody"]).output


def test_whoever_is_unknown_is_answered_from_the_request(result: EventSnapshot, path: Path) -> None:
    signature = loaded(path).signatures["next_items_at"]
    item = str(result.sequences.item_ids[4])
    common = {"timestamp": tf.constant([9_000, 9_000], tf.int64), "k": tf.constant(ITEMS)}
    answer = at(
        signature,
        user_id=tf.constant(["nobody", ""]),
        history=tf.constant([["", ""], [item, item]]),
        history_timestamp=tf.constant([[0, 0], [0, 3_600]], tf.int64),
        **common,
    )
    found = by_item(answer, result)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    assert found[1, 4] > found[0, 4]


def test_a_file_is_scored_as_the_run_and_trained_events_are_left_out(
    result: EventSnapshot, path: Path, tmp_path: Path
) -> None:
    sequences = result.sequences
    rows = pd.DataFrame(
        {
            "user_id": sequences.user_ids[sequences.user - 1],
            "item_id": sequences.item_ids[sequences.item - 1],
            "timestamp": sequences.timestamp,
        }
    )
    new = pd.DataFrame({"user_id": "new", "item_id": sequences.item_ids[:3], "timestamp": [5, 6, 7]})
    file = tmp_path / "events.csv"
    pd.concat([rows, new]).sample(frac=1, random_state=1).sort_values("timestamp", kind="stable").to_csv(
        file, index=False
    )
    outcome = evaluate_event_file(SavedCollaborativeRNN(loaded(path)), file, CLEAN)
    trained = int((sequences.split == Split.TRAIN).sum())
    assert any(f"{trained:,} events that the model was trained on" in line for line in outcome.messages)
    known, stranger = (outcome.metrics[split][CLEAN] for split in ("test", "test_cold"))
    assert (known["n"], stranger["n"]) == (len(sequences.item) - trained, 3)
    parts = [result.metrics[split][CLEAN]["nll"] for split in ("valid", "test")]
    assert known["nll"] == pytest.approx(np.mean(parts), rel=1e-4)  # three events of each user in both
