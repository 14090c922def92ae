"""`rrn evaluate` of a Collaborative RNN on later events."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner, Result

from rrn_tf.cli import main
from rrn_tf.evaluation.event_likelihood import EventRoller
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.serving.export_events import export_event_model
from rrn_tf.training.truncated_bptt import CollaborativeResult
from tests.events import random_events

ITEMS = 5


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[CollaborativeResult, Path]:
    tf.keras.utils.set_random_seed(3)
    sequences, path = random_events([(6, 0, 0), (9, 0, 0)], ITEMS), tmp_path_factory.mktemp("saved")
    model = CollaborativeRNN(2, ITEMS, units=3, stationary=2)
    model.stationary.table.assign(tf.random.normal(model.stationary.table.shape))
    result = CollaborativeResult(model, sequences, EventRoller(model).states(sequences), [], 0, {})
    export_event_model(result, path)
    return result, path


def evaluate(path: Path, csv: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["evaluate", "--model", str(path), "--data", str(csv), *more])


def losses(result: CollaborativeResult, user: int, items: list[int]) -> list[float]:
    """An event at a time; user 0 is unknown."""
    cell, model = result.model.cell, result.model
    matrices = [tf.reduce_mean(t[1:], axis=0)[tf.newaxis] if not user else t[user][tf.newaxis] for t in cell.recurrent]
    factors = model.stationary(tf.constant([user]))
    state, found = result.states[user][np.newaxis], []
    for item in items:
        log_p = tf.nn.log_softmax(tf.concat([state, factors], axis=1) @ model.softmax.kernel)
        found.append(-float(log_p[0, item - 1]))
        state = cell.transition(cell.embed(tf.constant([item])), state, matrices)
    return found


def test_each_event_is_scored_from_all_before_it(saved: tuple[CollaborativeResult, Path], tmp_path: Path) -> None:
    result, path = saved
    rows = [("u1", 3, 20), ("new", 2, 5), ("u0", 1, 9), ("u1", 4, 10), ("new", 5, 6), ("u1", 1, 20), ("u0", 99, 3)]
    lines = ["user_id,item_id,timestamp", *(f"{user},i{item - 1},{time}" for user, item, time in rows), "u1,,7"]
    (tmp_path / "later.csv").write_text("\n".join(lines))
    answer = evaluate(path, tmp_path / "later.csv", "--json", str(tmp_path / "figures.json"))
    assert answer.exit_code == 0, answer.output
    assert "1 events with items that training did not know" in answer.output
    assert "later.csv:9: item_id should be an id" in answer.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    # Events of one second stay in the order of the file.
    first, second = losses(result, 1, [1]), losses(result, 2, [4, 3, 1])
    known, stranger = figures["test"]["clean"], figures["test_cold"]["clean"]
    assert known["nll"] == pytest.approx((first[0] + np.mean(second)) / 2, rel=1e-5)
    assert (known["n"], known["users"]) == (4, 2)
    assert stranger["nll"] == pytest.approx(np.mean(losses(result, 0, [2, 5])), rel=1e-5)
    answer = evaluate(
        path, tmp_path / "later.csv", "--protocol", "interleaved", "--json", str(tmp_path / "figures.json")
    )
    assert answer.exit_code == 0, answer.output
    interleaved = json.loads((tmp_path / "figures.json").read_text())["test"]["interleaved"]
    assert interleaved["nll"] == pytest.approx(np.mean(second[1:]), rel=1e-5)


def test_what_cannot_be_scored_ends_in_one_line(saved: tuple[CollaborativeResult, Path], tmp_path: Path) -> None:
    path = saved[1]
    (tmp_path / "later.csv").write_text("user_id,item_id,timestamp\nu1,unknown,7\n")
    for arguments, said, code in (
        ((), "expected events with items that the model knows, found none", 1),
        (("--protocol", "frozen"), "expected the protocol clean or interleaved, found frozen", 2),
    ):
        answer = evaluate(path, tmp_path / "later.csv", *arguments)
        assert answer.exit_code == code
        assert said in answer.output.splitlines()[-1]
