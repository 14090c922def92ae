"""Updating a saved Collaborative RNN: every event once, whenever and however often it is given."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from click.testing import CliRunner

from rrn_tf.cli.main import main
from rrn_tf.data.arrays import concatenate_rows, take_rows
from rrn_tf.data.later_events import NamedEvents, as_training
from rrn_tf.data.shared_counts import SharedCounts
from rrn_tf.evaluation.event_protocols import CLEAN
from rrn_tf.features import Split
from rrn_tf.serving.event_file import evaluate_event_file
from rrn_tf.serving.export_events import export_event_model
from rrn_tf.serving.saved_events import SavedCollaborativeRNN
from rrn_tf.serving.update_events import EventUpdateReport, update_events
from rrn_tf.states.event_states import EventRoller
from tests.serving.conftest import SavedEvents

Updated = tuple[SavedCollaborativeRNN, EventUpdateReport]


@pytest.fixture(scope="module")
def base(saved_mixture: SavedEvents) -> SavedCollaborativeRNN:
    return SavedCollaborativeRNN(saved_mixture.path)


@pytest.fixture(scope="module")
def later(saved_mixture: SavedEvents) -> NamedEvents:
    """The held-out events, in order of time."""
    sequences = saved_mixture.result.sequences
    at = np.flatnonzero(sequences.split != Split.TRAIN)
    at = at[np.argsort(sequences.timestamp[at], kind="stable")]
    return NamedEvents(
        sequences.user_ids[sequences.user[at] - 1], sequences.item_ids[sequences.item[at] - 1], sequences.timestamp[at]
    )


@pytest.fixture(scope="module")
def updated(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Updated]:
    def run(model: SavedCollaborativeRNN, *pieces: NamedEvents) -> Updated:
        for piece in pieces:
            result, report = update_events(model, piece)
            path = tmp_path_factory.mktemp("updated")
            export_event_model(result, path)
            model = SavedCollaborativeRNN(path)
        return model, report

    return run


@pytest.fixture(scope="module")
def whole(base: SavedCollaborativeRNN, later: NamedEvents, updated: Callable[..., Updated]) -> Updated:
    """The model after one update by all later events."""
    return updated(base, later)


def some(*events: tuple[str, str, int]) -> NamedEvents:
    user, item, time = zip(*events, strict=True)
    return NamedEvents(np.array(user, object), np.array(item, object), np.array(time))


def assert_same(one: SavedCollaborativeRNN, two: SavedCollaborativeRNN) -> None:
    first, second = (model._module for model in (one, two))
    np.testing.assert_array_equal(first.user_ids, second.user_ids)
    np.testing.assert_array_equal(first.item_ids, second.item_ids)
    np.testing.assert_array_equal(first.states, second.states)
    for part in ("splits", "item", "time", "repeat"):
        np.testing.assert_array_equal(getattr(first.past, part), getattr(second.past, part))
    for table in ("following", "meeting"):
        for part in ("splits", "column", "value"):
            mine, other = (getattr(getattr(model.counts, table), part) for model in (first, second))
            np.testing.assert_array_equal(mine, other)
    np.testing.assert_array_equal(first.counts.met, second.counts.met)
    for mine, other in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_the_model_holds_what_all_events_together_make(saved_mixture: SavedEvents, whole: Updated) -> None:
    result, (model, report) = saved_mixture.result, whole
    everything = as_training(result.sequences)
    assert model.training_events().equals(everything)
    states = EventRoller(result.model).states(everything)
    np.testing.assert_allclose(model.states, states, atol=1e-6)
    counts = SharedCounts(everything)
    np.testing.assert_array_equal(model._module.counts.met, counts.met())
    np.testing.assert_array_equal(model._module.counts.meeting.value[:-1], counts.meeting().data)
    assert (report.events, report.duplicates, report.new_users, report.new_items) == (48, 0, 0, 0)


@pytest.mark.slow
def test_pieces_and_repetitions_end_where_one_update_does(
    base: SavedCollaborativeRNN, later: NamedEvents, whole: Updated, updated: Callable[..., Updated]
) -> None:
    first, second = take_rows(later, slice(0, 20)), take_rows(later, slice(15, None))
    model, report = updated(base, first, concatenate_rows([second, second]))
    assert_same(model, whole[0])
    assert (report.events, report.duplicates) == (28, 38)


@pytest.mark.slow
def test_late_events_take_their_place(
    base: SavedCollaborativeRNN, later: NamedEvents, whole: Updated, updated: Callable[..., Updated]
) -> None:
    model, report = updated(base, take_rows(later, slice(20, None)), take_rows(later, slice(0, 20)))
    assert_same(model, whole[0])
    assert report.late > 0
    assert whole[1].late == 0


def test_losses_are_those_of_evaluation(
    saved_mixture: SavedEvents, base: SavedCollaborativeRNN, later: NamedEvents, whole: Updated, tmp_path: Path
) -> None:
    frame = pd.DataFrame(later._asdict())
    frame.to_csv(tmp_path / "later.csv", index=False)
    expected = evaluate_event_file(base, tmp_path / "later.csv", CLEAN).metrics["test"][CLEAN]
    report = whole[1]
    assert report.nll["known"] == {"nll": pytest.approx(expected["nll"], rel=1e-5), "n": 48}
    assert "new" not in report.nll
    assert report.last is not None
    assert report.last["n"] == 8
    # Without the events before it, the last of a user is alone.
    frame.groupby("user_id").tail(1).to_csv(tmp_path / "last.csv", index=False)
    alone = evaluate_event_file(base, tmp_path / "last.csv", CLEAN).metrics["test"][CLEAN]
    assert report.last["frozen"] == pytest.approx(alone["nll"], rel=1e-5)
    assert report.last["updated"] != pytest.approx(alone["nll"], rel=1e-5)


@pytest.mark.slow
def test_new_users_and_items_are_answered(
    base: SavedCollaborativeRNN, updated: Callable[..., Updated], saved_mixture: SavedEvents
) -> None:
    known = str(saved_mixture.result.sequences.item_ids[0])
    events = some(("new user", known, 2_000_000_000), ("new user", "new item", 2_000_000_100))
    model, report = updated(base, events)
    assert (report.events, report.new_users, report.new_items) == (2, 1, 1)
    assert report.nll["new"]["n"] == 1
    assert model.known("new user")
    items = len(model.item_ids)
    for user in ("new user", "u1", "nobody"):
        found = dict(model.next_items(user, [], items, history_timestamp=[], timestamp=2_000_000_200))
        assert sum(np.exp(list(found.values()))) == pytest.approx(1, rel=1e-5)
        assert len(found) == items
    mine, others = (dict(model.next_items(user, [], items))["new item"] for user in ("new user", "u1"))
    assert mine > others > -25


def test_held_out_items_stay_met(base: SavedCollaborativeRNN, updated: Callable[..., Updated]) -> None:
    before = base.held_out_events()
    model, _ = updated(base, some(("new user", "new item", 2_000_000_000)))
    after = model.held_out_events()
    np.testing.assert_array_equal(after.items, before.items)
    np.testing.assert_array_equal(after.splits, [*before.splits, before.splits[-1]])
    user, items = 1, model.item_ids
    met = set(items[before.items[before.splits[user] : before.splits[user + 1]] - 1])
    assert met
    assert not met & set(dict(model.next_items(model.user_ids[user - 1], [], len(items), new_only=True)))


def test_the_last_event_of_each_user_is_known(base: SavedCollaborativeRNN) -> None:
    events, users = base.training_events(), [*base.user_ids[:2], "nobody"]
    expected = [events.timestamp[events.user_splits[user + 1] - 1] for user in (1, 2)]
    assert base.last_times(users).tolist() == [*expected, 0]


def test_a_network_alone_passes_over_new_items(saved_events: SavedEvents, updated: Callable[..., Updated]) -> None:
    base, result = SavedCollaborativeRNN(saved_events.path), saved_events.result
    events = some(("user 1", "new item", 100), ("user 1", "item 2", 101), ("stranger", "item 3", 102))
    model, report = updated(base, events, take_rows(events, slice(1, 2)))
    assert (report.events, report.duplicates) == (0, 1)
    assert base.next_items("user 1", ["item 2"], 3) == [
        (name, pytest.approx(value, rel=1e-5)) for name, value in model.next_items("user 1", [], 3)
    ]
    assert base.next_items("stranger", ["item 3"], 3) == [
        (name, pytest.approx(value, rel=1e-5)) for name, value in model.next_items("stranger", [], 3)
    ]
    assert base.next_items("user 2", [], 3) == [
        (name, pytest.approx(value, rel=1e-6)) for name, value in model.next_items("user 2", [], 3)
    ]
    assert len(model.training_events().item) == len(result.sequences.item) + 2


@pytest.mark.slow
def test_the_command_updates_and_tells(saved_mixture: SavedEvents, later: NamedEvents, tmp_path: Path) -> None:
    frame = pd.DataFrame(later._asdict())
    frame["timestamp"] = frame["timestamp"].astype(str)
    frame.loc[len(frame)] = ["u1", "i1", "soon"]
    frame.to_csv(tmp_path / "new.csv", index=False)
    command = ["update", "--data", str(tmp_path / "new.csv"), "--output", str(tmp_path / "out")]
    first = CliRunner().invoke(main, [*command, "--model", str(saved_mixture.path)])
    assert first.exit_code == 1, first.output
    assert "rejected" in first.output
    frame[:-1].to_csv(tmp_path / "new.csv", index=False)
    first = CliRunner().invoke(main, [*command, "--model", str(saved_mixture.path)])
    assert first.exit_code == 0, first.output
    assert "48 new events, 0 of them late" in first.output
    again = CliRunner().invoke(main, [*command, "--model", str(tmp_path / "out")])
    assert again.exit_code == 0, again.output
    assert "0 new events" in again.output
    assert json.loads((tmp_path / "out" / "update.json").read_text())["duplicates"] == 48


def test_a_model_without_its_events_is_refused(saved_events: SavedEvents) -> None:
    class Earlier:
        about = tf.constant("{}")
        user_ids = item_ids = tf.constant(["", "u"])

    with pytest.raises(ValueError, match="expected a model with stored events"):
        update_events(SavedCollaborativeRNN(Earlier()), some(("u", "i", 1)))


def test_no_new_events_change_nothing(base: SavedCollaborativeRNN, updated: Callable[..., Updated]) -> None:
    nothing = NamedEvents(np.empty(0, object), np.empty(0, object), np.empty(0, np.int64))
    model, report = updated(base, nothing)
    assert_same(model, base)
    assert (report.events, report.nll, report.last) == (0, {}, None)
