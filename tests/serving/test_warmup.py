"""What lies beside a saved model: warm-up requests that it answers, a card, and the same for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from rrn_tf.data.model_folder import EXTRA
from rrn_tf.serving.model_card import CARD
from rrn_tf.serving.warmup import WARMUP
from rrn_tf.version import __version__
from tests.serving.conftest import Saved, SavedEvents, loaded


@pytest.fixture(params=["saved", "saved_events"])
def path(request: pytest.FixtureRequest) -> Path:
    model: Saved | SavedEvents = request.getfixturevalue(request.param)
    return model.path


def test_each_signature_answers_its_warm_up_request(path: Path) -> None:
    signatures = loaded(path).signatures
    asked = set()
    for record in tf.data.TFRecordDataset(str(path / EXTRA / WARMUP)):
        request = PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {name: tf.constant(tf.make_ndarray(values)) for name, values in request.inputs.items()}
        answer = signatures[request.model_spec.signature_name](**inputs)
        assert all(len(values) for values in answer.values())
        asked.add(request.model_spec.signature_name)
    assert asked == set(signatures)


def test_the_card_says_what_the_model_knows(path: Path) -> None:
    facts = json.loads((path / EXTRA / "metadata.json").read_text())
    card = (path / EXTRA / CARD).read_text()
    assert facts["version"] == __version__
    assert card.startswith(f"# {facts['model']}\n")
    assert __version__ in card
    for name, value in {**facts["data"], **facts["settings"]}.items():
        assert f"| {name} | {value:,} |" in card if isinstance(value, int) else f"| {name} | {value} |" in card
    for protocols in facts["metrics"].values():
        for figures in protocols.values():
            assert all(f"{name} {value:,.5g}" in card for name, value in figures.items())


def test_parts_and_their_weights_are_said_in_words(saved: Saved) -> None:
    card = (saved.path / EXTRA / CARD).read_text()
    facts = json.loads((saved.path / EXTRA / "metadata.json").read_text())
    assert all(f"- {sentence}\n" in card for sentence in facts["parts"])
    assert "- 2 Bayesian factors and a bias of every user and item" in card
    for of in saved.result.model.part_weights:
        assert f"{of.network:.2f} times that of the states plus {of.factors:.2f} times that of the factors" in card


def test_figures_and_period_are_those_of_training(saved: Saved) -> None:
    facts = json.loads((saved.path / EXTRA / "metadata.json").read_text())
    assert facts["metrics"] == json.loads(json.dumps(saved.result.metrics))
    assert {"frozen", "streaming"} <= set(facts["metrics"]["test"])
    times = saved.result.sequences.user.timestamp
    cutoff = saved.result.sequences.metadata.cutoff
    assert facts["period"] == {"first rating": times.min(), "training cutoff": cutoff, "states as of": cutoff}
