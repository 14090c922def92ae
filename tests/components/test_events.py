"""EventsExampleGen and EventSequenceBuilder give what the library prepares."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.types import channel_utils, standard_artifacts

from components.event_sequence_builder.component import EventSequenceBuilder
from components.event_sequence_builder.executor import Executor as Builder
from components.events_example_gen.component import EventsExampleGen
from components.events_example_gen.executor import Executor
from rrn_tf import features
from rrn_tf.beam.prepare_events import prepare_events
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.data.load_events import load_events
from rrn_tf.data_format import DataFormat

CONFIG = EventDataConfig(min_item_events=5, min_user_entropy=1.0, shards=2, format=DataFormat("brightkite"))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """900 events of 12 users, many in one second, and one row without a location; no header."""
    rng = np.random.default_rng(2)
    rows = [
        f"{rng.integers(12)}\t2010-10-12T00:00:{rng.integers(60):02d}Z\t0\t0\tp{rng.integers(40)}" for _ in range(900)
    ]
    path = tmp_path_factory.mktemp("log") / "checkins.txt"
    path.write_text("\n".join([*rows, "1\t2010-10-12T00:00:00Z\t\t\t"]) + "\n")
    return path


@pytest.fixture(scope="module")
def examples(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    component = EventsExampleGen(str(log.parent), "*.txt", dataclasses.asdict(CONFIG))
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path_factory.mktemp("examples"))
    Executor().Do({}, {"examples": [artifact]}, dict(component.exec_properties))
    return artifact


def test_one_example_an_event(examples: Any) -> None:
    assert json.loads(examples.split_names) == ["events"]
    files = tf.io.gfile.glob(f"{examples.uri}/Split-events/*")
    records = [record.numpy() for record in tf.data.TFRecordDataset(files, "GZIP")]
    assert len(records) == 900
    parsed = tf.io.parse_example(records, features.event_example_spec())
    assert len(np.unique(parsed[features.POSITION])) == 900
    assert len(list(Path(examples.uri).glob("*.jsonl"))) == 1


def test_sequences_are_those_of_the_library(examples: Any, log: Path, tmp_path: Path) -> None:
    component = EventSequenceBuilder(channel_utils.as_channel([examples]), dataclasses.asdict(CONFIG))
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path / "sequences")
    Builder().Do({"examples": [examples]}, {"sequences": [artifact]}, dict(component.exec_properties))
    assert json.loads(artifact.split_names) == ["user_sequences"]
    own = tmp_path / "own"
    metadata = prepare_events(f"brightkite:{log}", str(own), CONFIG, dead_letters=str(tmp_path / "dead.jsonl"))
    assert metadata.rejected == {"item_id_missing": 1}
    built = tmp_path / "sequences"
    assert (built / features.EVENT_METADATA_FILE).read_text() == (own / features.EVENT_METADATA_FILE).read_text()
    for path in own.glob("user_sequences-*"):
        assert (built / "Split-user_sequences" / path.name).read_bytes() == path.read_bytes()
    assert len(load_events(built).item) == sum(metadata.events.values()) > 500
