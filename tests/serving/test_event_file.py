"""`rrn evaluate` of a Collaborative RNN on later events."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner, Result

from rrn_tf.cli.main import main
from rrn_tf.data.prepared import BadInputError
from rrn_tf.evaluation.event_protocols import CLEAN
from rrn_tf.evaluation.network_scores import event_model
from rrn_tf.features import EVENT_COLUMNS, Split
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.serving.event_file import evaluate_event_file
from rrn_tf.serving.export_events import export_event_model
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.states.event_snapshot import EventSnapshot
from rrn_tf.states.event_states import EventRoller
from tests.events import random_events
from tests.serving.conftest import loaded
from tests.test_same_rows import odd_file, of_columns, rejected_lines

ITEMS = 5
HEADER = "user_id,item_id,timestamp"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[EventSnapshot, Path]:
    tf.keras.utils.set_random_seed(3)
    sequences, path = random_events([(6, 0, 0), (9, 0, 0)], ITEMS), tmp_path_factory.mktemp("saved")
    model = CollaborativeRNN(2, ITEMS, units=3, stationary=2)
    model.stationary.table.assign(tf.random.normal(model.stationary.table.shape))
    result = EventSnapshot(model, sequences, EventRoller(model).states(sequences), {})
    export_event_model(result, path)
    return result, path


def evaluate(path: Path, csv: Path, *more: str) -> Result:
    return CliRunner().invoke(main, ["evaluate", "--model", str(path), "--data", str(csv), *more])


def losses(result: EventSnapshot, user: int, items: list[int]) -> list[float]:
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


def test_each_event_is_scored_from_all_before_it(saved: tuple[EventSnapshot, Path], tmp_path: Path) -> None:
    result, path = saved
    rows = [("u1", 3, 20), ("new", 2, 5), ("u0", 1, 9), ("u1", 4, 10), ("new", 5, 6), ("u1", 1, 20), ("u0", 99, 3)]
    lines = ["user_id,item_id,timestamp", *(f"{user},i{item - 1},{time}" for user, item, time in rows), "u1,,7"]
    (tmp_path / "later.csv").write_text("\n".join(lines))
    answer = evaluate(path, tmp_path / "later.csv", "--json", str(tmp_path / "figures.json"))
    assert answer.exit_code == 0, answer.output
    assert "1 events with items that training did not know" in answer.output
    assert "later.csv:9: item_id is missing" in answer.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["rejected"] == {"item_id_missing": 1}
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


def test_each_row_has_the_verdict_that_training_has(saved: tuple[EventSnapshot, Path], tmp_path: Path) -> None:
    path, verdicts = odd_file(tmp_path / "odd.csv")
    with path.open("ab") as file:
        file.write(b"u1,i1,3,20\n")
    answer = evaluate(saved[1], path, "--json", str(tmp_path / "figures.json"))
    assert answer.exit_code == 0, answer.output
    expected = rejected_lines(of_columns(verdicts, *EVENT_COLUMNS))
    assert json.loads((tmp_path / "figures.json").read_text())["rejected"] == Counter(expected.values())


def test_published_formats_and_several_files_are_read(saved: tuple[EventSnapshot, Path], tmp_path: Path) -> None:
    for name, row in (("a", "u1 i2 30"), ("b", "u1 i3 30")):
        (tmp_path / f"{name}.txt").write_text(f"{row}\n")
    outcome = evaluate_event_file(SavedCollaborativeRNN(saved[1]), f"authors:{tmp_path}/?.txt", CLEAN)
    assert outcome.metrics["test"][CLEAN]["nll"] == pytest.approx(np.mean(losses(saved[0], 2, [3, 4])), rel=1e-5)


def test_what_cannot_be_scored_ends_in_one_line(saved: tuple[EventSnapshot, Path], tmp_path: Path) -> None:
    path = saved[1]
    (tmp_path / "later.csv").write_text("user_id,item_id,timestamp\nu1,unknown,7\n")
    for arguments, said, code in (
        ((), "expected events with items that the model knows, found none", 1),
        (("--protocol", "frozen"), "expected the protocol clean or interleaved, found frozen", 2),
        (("--metrics", "nll,auc"), "--metrics: expected metrics of nll, hit, mrr, ndcg, found 'auc'", 2),
        (("-k", "0"), "0 is not in the range x>=1", 2),
    ):
        answer = evaluate(path, tmp_path / "later.csv", *arguments)
        assert answer.exit_code == code
        assert said in answer.output.splitlines()[-1]


def written(folder: Path, rows: list[tuple[str, int, int]]) -> Path:
    """A file of users, item numbers from 1 and times."""
    lines = [HEADER, *(f"{user},i{item - 1},{time}" for user, item, time in rows)]
    (folder / "events.csv").write_text("\n".join(lines))
    return folder / "events.csv"


def test_trained_events_are_recognised_and_kinds_told_apart(saved: tuple[EventSnapshot, Path], tmp_path: Path) -> None:
    result, path = saved
    sequences = result.sequences
    trained = list(zip(sequences.user_ids[sequences.user - 1], sequences.item.tolist(), sequences.timestamp.tolist()))
    later = [("u1", 2, 9), ("u1", 5, 20_000), ("u0", 1, 900), ("u0", 3, 4_000_000), ("u1", 1, 3), ("stranger", 2, 8)]
    file = written(tmp_path, trained[::-1] + later)
    answer = evaluate(path, file, "--json", str(tmp_path / "figures.json"), "-k", "2", "-k", "3")
    assert answer.exit_code == 0, answer.output
    assert "15 events that the model was trained on are left out" in answer.output
    assert "1 events lie before their user's last training event: not forecasts, but counted above" in answer.output
    assert "told" not in answer.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    known = figures["test"]["clean"]
    first, second = losses(result, 1, [1, 3]), losses(result, 2, [1, 2, 5])
    assert known["nll"] == pytest.approx((np.mean(first) + np.mean(second)) / 2, rel=1e-5)
    assert known["n"] == 5
    assert {"hit@2", "hit@3", "ndcg@2", "ndcg@3"} < known.keys()
    gaps = {row["slice"]: (row["n"], row["nll"]) for row in figures["slices"]["gap"]}
    assert gaps.keys() == {"< 1 hour", "< 1 day", "1 week or more"}
    assert gaps["1 week or more"] == (1, pytest.approx(first[1], rel=1e-5))
    assert gaps["< 1 day"] == (1, pytest.approx(second[2], rel=1e-5))
    assert "< 1 day" in answer.output
    lengths = {row["slice"]: row["n"] for row in figures["slices"]["length"]}
    assert lengths == {"1-9": 3, "10-99": 2}
    met = [set(sequences.item[sequences.user == user].tolist()) for user in (1, 2)]
    new = sum(item not in met[int(user[1])] for user, item, _ in later[:-1])
    assert {row["slice"]: row["n"] for row in figures["slices"]["item"]}.get("new to the user", 0) == new


def test_a_file_of_trained_events_alone_has_nothing_to_score(saved: tuple[EventSnapshot, Path], tmp_path: Path) -> None:
    result, path = saved
    answer = evaluate(path, written(tmp_path, [("u0", int(result.sequences.item[0]), 0)]))
    assert answer.exit_code == 1
    assert "expected events that the model was not trained on, found none" in answer.output.splitlines()[-1]
    answer = evaluate(path, written(tmp_path, [("u0", 1, 99)]), "--protocol", "interleaved")
    assert "expected events that the protocol interleaved scores, found none" in answer.output.splitlines()[-1]


def test_discovery_leaves_repeats_out(saved: tuple[EventSnapshot, Path], tmp_path: Path) -> None:
    result, path = saved
    file = written(tmp_path, [("stranger", item, item) for item in (4, 4, 2, 4)])
    found = evaluate(path, file, "--new-only", "--metrics", "nll,mrr", "--json", str(tmp_path / "figures.json"))
    assert found.exit_code == 0, found.output
    assert "2 events repeat an item of their user and are left out" in found.output
    figures = json.loads((tmp_path / "figures.json").read_text())["test_cold"]["clean"]
    assert figures.keys() == {
        "nll",
        "standard_error",
        "mrr",
        "mrr_standard_error",
        "users",
        "n",
        "repeats_left_out",
    }
    whole = losses(result, 0, [2, 4])  # in order of time
    already = losses(result, 0, [2, 2])[1]  # the same state says so of the item that was met
    renormalised = whole[1] + np.log1p(-np.exp(-already))
    assert figures["nll"] == pytest.approx((whole[0] + renormalised) / 2, rel=1e-5)
    repeats = evaluate(path, written(tmp_path, [("u1", int(result.sequences.item[-1]), 99)]), "--new-only")
    assert repeats.exit_code == 1
    assert "expected events whose item is new to their user, found none" in repeats.output.splitlines()[-1]


def test_a_network_of_an_earlier_version_is_read(saved: tuple[EventSnapshot, Path], tmp_path: Path) -> None:
    module = tf.saved_model.load(str(saved[1]))
    del module.past
    model, file = SavedCollaborativeRNN(module), written(tmp_path, [("u1", 2, 30), ("u1", 3, 40)])
    outcome = evaluate_event_file(model, file, CLEAN)
    assert outcome.metrics["test"][CLEAN]["nll"] == pytest.approx(np.mean(losses(saved[0], 2, [2, 3])), rel=1e-5)
    assert outcome.slices == {}
    assert any("whether the model was trained on these events cannot be told" in line for line in outcome.messages)
    with pytest.raises(BadInputError, match="--new-only: expected a model that knows what its users met"):
        evaluate_event_file(model, file, CLEAN, new_only=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["network", "mixture"])
def test_discovery_of_known_users_knows_their_training_events(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if kind == "mixture":
        result, path = request.getfixturevalue("saved_mixture")
    else:
        tf.keras.utils.set_random_seed(5)
        sequences, path = random_events([(3, 2, 3), (2, 0, 4), (6, 1, 2)], 8, seed=4), tmp_path / "model"
        model = CollaborativeRNN(3, 8, units=3, stationary=2)
        result = EventSnapshot(model, sequences, EventRoller(model).states(sequences), {})
        export_event_model(result, path)
    model, sequences, counts = result.model, result.sequences, result.counts
    names = sequences.user_ids[sequences.user - 1]
    trained = list(zip(names, sequences.item.tolist(), sequences.timestamp.tolist()))
    file = written(tmp_path, trained)
    outcome = evaluate_event_file(SavedCollaborativeRNN(loaded(path)), file, CLEAN, new_only=True)
    in_memory = event_model(model, counts, "in memory")
    rows = np.exp(in_memory._distribution(in_memory._contexts(sequences, np.arange(len(sequences.item)))))
    losses_of: dict[int, list[float]] = {}
    for position in np.flatnonzero(sequences.split != Split.TRAIN):
        user, item = int(sequences.user[position]), int(sequences.item[position])
        earlier = set(sequences.item[sequences.user_splits[user] : position].tolist())
        if item not in earlier:
            others = sum(rows[position, other - 1] for other in range(1, rows.shape[1] + 1) if other not in earlier)
            losses_of.setdefault(user, []).append(-float(np.log(rows[position, item - 1] / others)))
    found = outcome.metrics["test"][CLEAN]
    assert found["n"] == sum(map(len, losses_of.values())) > 0
    assert found["nll"] == pytest.approx(np.mean([np.mean(of) for of in losses_of.values()]), rel=1e-4)
    assert found["repeats_left_out"] == (sequences.split != Split.TRAIN).sum() - found["n"]
