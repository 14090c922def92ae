"""A saved mixture answers as evaluation scores, of known users and of new ones, with times and without."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from click.testing import CliRunner

from rrn_tf.cli import main
from rrn_tf.evaluation.event_file import evaluate_event_file
from rrn_tf.evaluation.event_protocols import CLEAN
from rrn_tf.evaluation.network_scores import MixtureEventModel
from rrn_tf.features import Split
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.serving.export_events import export_event_model
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.training.truncated_bptt import CollaborativeResult, train
from tests.events import RHYTHMIC_ITEMS as ITEMS
from tests.events import rhythmic_events, small_mixture


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> CollaborativeResult:
    folder = tmp_path_factory.mktemp("training")
    return train(rhythmic_events(), folder, small_mixture(2, matrices="low-rank", rank=2))


@pytest.fixture(scope="module")
def path(result: CollaborativeResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    export_event_model(result, folder)
    return folder


def asked(result: CollaborativeResult) -> dict[str, Any]:
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


def by_item(answer: dict[str, tf.Tensor], result: CollaborativeResult) -> np.ndarray:
    """float[N, M], probabilities in order of the items."""
    place = pd.Categorical(answer["item_id"].numpy().astype(str).ravel(), categories=result.sequences.item_ids).codes
    found = np.empty(answer["item_id"].shape)
    np.put_along_axis(found, place.reshape(found.shape), np.exp(answer["log_probability"].numpy()), axis=1)
    return found


def test_answers_are_the_distributions_of_evaluation(result: CollaborativeResult, path: Path) -> None:
    signatures = tf.saved_model.load(str(path)).signatures
    found = by_item(signatures["next_items_at"](**asked(result), k=tf.constant(ITEMS)), result)
    assert isinstance(result.model, CollaborativeMixture)
    assert result.counts is not None
    model, sequences = MixtureEventModel(result.model, result.counts, "mixture"), result.sequences
    last = sequences.user_splits[2:] - 1
    expected = np.exp(model._distribution(model._contexts(sequences, last)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_old_requests_are_answered_as_of_the_last_known_event(result: CollaborativeResult, path: Path) -> None:
    signatures, sequences = tf.saved_model.load(str(path)).signatures, result.sequences
    request = asked(result)
    train_ends = [np.flatnonzero((sequences.user == u) & (sequences.split == Split.TRAIN))[-1] for u in range(1, 9)]
    now = sequences.timestamp[train_ends]
    timed = {**request, "history_timestamp": tf.repeat(now[:, np.newaxis], 7, axis=1), "timestamp": tf.constant(now)}
    old = {name: request[name] for name in ("user_id", "history")}
    for one, two in (
        (signatures["next_items"](**old, k=tf.constant(4)), signatures["next_items_at"](**timed, k=tf.constant(4))),
    ):
        np.testing.assert_array_equal(one["item_id"], two["item_id"])
        np.testing.assert_allclose(one["log_probability"], two["log_probability"], rtol=1e-6)


def test_python_asks_with_times_and_without(result: CollaborativeResult, path: Path) -> None:
    saved, user, item = (
        SavedCollaborativeRNN(path),
        str(result.sequences.user_ids[0]),
        str(result.sequences.item_ids[1]),
    )
    plain, timed = (
        saved.next_items(user, [item], 3),
        saved.next_items(user, [item], 3, history_timestamp=[1_400_000_000], timestamp=1_400_020_000),
    )
    assert len(plain) == len(timed) == 3
    assert [value for _, value in plain] != [value for _, value in timed]
    with pytest.raises(ValueError, match="expected timestamp, and history_timestamp for each event"):
        saved.next_items(user, [item], 3, timestamp=5)


@pytest.mark.parametrize("more", [(), ("--at", "2014-05-06")])
def test_the_command_line_recommends_next_items(
    more: tuple[str, ...], result: CollaborativeResult, path: Path, tmp_path: Path
) -> None:
    file, user = tmp_path / "items.json", str(result.sequences.user_ids[0])
    asked = ["recommend", "--model", str(path), "--user", user, "-k", "3", "--json", str(file), *more]
    said = CliRunner().invoke(main, asked)
    assert said.exit_code == 0, said.output
    answer = json.loads(file.read_text())
    times = {"history_timestamp": [], "timestamp": 1_399_334_400} if more else {}
    expected = SavedCollaborativeRNN(path).next_items(user, [], 3, **times)
    assert [item["item"] for item in answer["items"]] == [item for item, _ in expected]
    assert [item["probability"] for item in answer["items"]] == pytest.approx([np.exp(p) for _, p in expected])
    assert answer["known"]
    assert "as to a newcomer" in CliRunner().invoke(main, [*asked[:4], "nobody"]).output


def test_whoever_is_unknown_is_answered_from_the_request(result: CollaborativeResult, path: Path) -> None:
    signature = tf.saved_model.load(str(path)).signatures["next_items_at"]
    item = str(result.sequences.item_ids[4])
    common = {"timestamp": tf.constant([9_000, 9_000], tf.int64), "k": tf.constant(ITEMS)}
    answer = signature(
        user_id=tf.constant(["nobody", ""]),
        history=tf.constant([["", ""], [item, item]]),
        history_timestamp=tf.constant([[0, 0], [0, 3_600]], tf.int64),
        **common,
    )
    found = by_item(answer, result)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    assert found[1, 4] > found[0, 4]


def test_a_file_is_scored_as_the_run_and_trained_events_are_left_out(
    result: CollaborativeResult, path: Path, tmp_path: Path
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
    outcome = evaluate_event_file(SavedCollaborativeRNN(path), file, CLEAN)
    trained = int((sequences.split == Split.TRAIN).sum())
    assert any(f"{trained:,} events that the model was trained on" in line for line in outcome.messages)
    known, stranger = (outcome.metrics[split][CLEAN] for split in ("test", "test_cold"))
    assert (known["n"], stranger["n"]) == (len(sequences.item) - trained, 3)
    parts = [result.metrics[split][CLEAN]["nll"] for split in ("valid", "test")]
    assert known["nll"] == pytest.approx(np.mean(parts), rel=1e-4)  # three events of each user in both
