"""EventEvaluator: which Collaborative RNN is blessed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import standard_artifacts

from components.event_evaluator.component import EventReport
from components.event_evaluator.executor import Executor, saved_scores
from rrn_tf.beam.prepare_events import prepare_events
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.data.event_context import with_context
from rrn_tf.data.event_scores import positions_of
from rrn_tf.data.load_events import load_events
from rrn_tf.data.shared_counts import SharedCounts
from rrn_tf.evaluation.network_scores import MixtureEventModel, network_figures
from rrn_tf.features import Split
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.serving.export_events import export_event_model
from rrn_tf.states.event_snapshot import EventSnapshot
from rrn_tf.states.event_states import EventRoller
from rrn_tf.training.truncated_bptt import make_model
from tests.events import rhythmic_events, small_mixture

BOUND = 1e9


@pytest.fixture(scope="module")
def sequences(tmp_path_factory: pytest.TempPathFactory) -> Any:
    rng, folder = np.random.default_rng(4), tmp_path_factory.mktemp("events")
    rows = [f"u{rng.integers(6)},i{rng.integers(9)},{time}" for time in range(300)]
    (folder / "events.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]))
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder / "sequences")
    config = EventDataConfig(min_user_entropy=0.0)
    prepare_events(str(folder / "events.csv"), artifact.uri, config, dead_letters=str(folder / "dead.jsonl"))
    return artifact


def model(sequences: Any, folder: Path, seed: int, kernel: float) -> tuple[Any, float]:
    """A network of random weights, and its loss; the smaller its kernel, the nearer to uniform."""
    tf.keras.utils.set_random_seed(seed)
    events = load_events(sequences.uri)
    network = CollaborativeRNN(events.num_users, events.num_items, units=3)
    network.softmax.kernel.assign(network.softmax.kernel * kernel)
    result = EventSnapshot(network, events, EventRoller(network).states(events), {})
    artifact = standard_artifacts.Model()
    artifact.uri = str(folder)
    export_event_model(result, folder / "Format-Serving")
    return artifact, network_figures(network, events, "clean")["test"]["nll"]


@pytest.fixture(scope="module")
def good(sequences: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, float]:
    return model(sequences, tmp_path_factory.mktemp("good"), 1, 0.1)


def evaluate(folder: Path, sequences: Any, new: Any, old: Any = None, **bounds: float) -> tuple[bool, dict[str, Any]]:
    blessing, report = standard_artifacts.ModelBlessing(), EventReport()
    blessing.uri, report.uri = str(folder / "blessing"), str(folder / "evaluation")
    Path(blessing.uri).mkdir(parents=True)
    inputs = {"sequences": [sequences], "model": [new], **({"baseline_model": [old]} if old else {})}
    properties = {"max_nll": BOUND, "max_nll_increase": 0.001, **bounds}
    Executor().Do(inputs, {"evaluation": [report], "blessing": [blessing]}, properties)
    blessed = blessing.get_int_custom_property("blessed") == 1
    assert (Path(blessing.uri) / ("BLESSED" if blessed else "NOT_BLESSED")).exists()
    return blessed, json.loads((folder / "evaluation" / "leaderboard.json").read_text())


def test_a_first_model_within_the_bound_is_blessed(sequences: Any, good: tuple[Any, float], tmp_path: Path) -> None:
    new, loss = good
    blessed, report = evaluate(tmp_path / "a", sequences, new)
    rows = {row["model"]: row for row in report["rows"]}
    assert blessed
    assert rows["C-RNN"]["nll"] == pytest.approx(loss, rel=1e-5)
    assert {"uniform", "1-gram", "2-gram"} < rows.keys()
    assert "| C-RNN |" in (tmp_path / "a" / "evaluation" / "leaderboard.md").read_text()
    assert not evaluate(tmp_path / "b", sequences, new, max_nll=loss - 0.01)[0]


@pytest.mark.slow
def test_a_model_worse_than_the_latest_blessed_one_is_not_blessed(
    sequences: Any, good: tuple[Any, float], tmp_path: Path
) -> None:
    better, low = good
    bad, high = model(sequences, tmp_path / "bad", 2, 8.0)
    assert high > low + 0.01
    assert not evaluate(tmp_path / "a", sequences, bad, better)[0]
    assert evaluate(tmp_path / "b", sequences, better, bad)[0]
    assert evaluate(tmp_path / "c", sequences, bad, better, max_nll_increase=high - low + 0.01)[0]


def test_a_model_of_other_items_is_not_compared(sequences: Any, good: tuple[Any, float], tmp_path: Path) -> None:
    new, _ = good
    events = load_events(sequences.uri)
    other = dataclasses.replace(events, item_ids=np.array([f"x{n}" for n in range(events.num_items)], object))
    network = CollaborativeRNN(events.num_users, events.num_items, units=3)
    result = EventSnapshot(network, other, EventRoller(network).states(other), {})
    old = standard_artifacts.Model()
    old.uri = str(tmp_path / "old")
    export_event_model(result, tmp_path / "old" / "Format-Serving")
    blessed, report = evaluate(tmp_path / "a", sequences, new, old)
    assert blessed
    assert "latest blessed" not in {row["model"] for row in report["rows"]}


@pytest.mark.slow
def test_a_mixture_is_scored_whoever_its_users_are(tmp_path: Path) -> None:
    """Other numbers of the same users change nothing; whoever it does not know is scored as well."""
    events = rhythmic_events()
    counts = SharedCounts(events)
    known = with_context(events, counts, 6, clock=True)
    network = make_model(small_mixture(0), events)
    result = EventSnapshot(network, known, EventRoller(network).states(known), {}, counts)
    export_event_model(result, tmp_path)
    asked = positions_of(events, [Split.TEST])
    expected = MixtureEventModel(network, counts, "mixture").log_probabilities(known, asked)
    turned, place = events.renumbered(events.user_ids[::-1])
    found = saved_scores(str(tmp_path), turned, place[asked], "mixture")
    assert found is not None
    np.testing.assert_allclose(found.log_probability, expected, rtol=1e-5)
    others = dataclasses.replace(turned, user_ids=np.array(["new", *turned.user_ids[1:]], object))
    with_new = saved_scores(str(tmp_path), others, place[asked], "mixture")
    assert with_new is not None
    of_new = turned.user[place[asked]] == 1
    np.testing.assert_allclose(with_new.log_probability[~of_new], expected[~of_new], rtol=1e-5)
    assert np.isfinite(with_new.log_probability[of_new]).all()
