"""Small saved models of both kinds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.config import DataConfig, config_from_dict
from rrn_tf.data.events import EventSequences
from rrn_tf.data.synthetic import SyntheticConfig, generate
from rrn_tf.features import Split
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.serving.export import export_saved_model
from rrn_tf.serving.export_events import export_event_model
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.states.event_snapshot import EventSnapshot
from rrn_tf.states.event_states import EventRoller
from rrn_tf.training.alternating import TrainingResult, train
from rrn_tf.training.truncated_bptt import train as train_events
from tests.events import rhythmic_events, small_mixture
from tests.prepared import LIKE_THE_DEFAULT, write_synthetic

USERS, ITEMS, EACH = 3, 6, 9


@cache
def loaded(path: Path) -> Any:
    """What TensorFlow loads, once for all tests that only ask: they leave it as it is."""
    return tf.saved_model.load(str(path))


@cache
def compiled(path: Path) -> SavedRRN:
    """The same from Python, where a part of the recommendations is compiled."""
    return SavedRRN(path)


@pytest.fixture(scope="package", autouse=True)
def _let_go() -> Iterator[None]:
    yield
    loaded.cache_clear()
    compiled.cache_clear()


class Saved(NamedTuple):
    """A training result and where it was exported to."""

    result: TrainingResult
    path: Path


def trained_and_saved(root: Path, ratings: SyntheticConfig, data: DataConfig, **model: Any) -> Saved:
    """A small network trained on generated ratings."""
    sizes = {"units": 6, "embedding": 5, "dynamic": 3, "stationary": 2, "bayesian_factors": 2, **model}
    config = config_from_dict(
        {"model": sizes, "training": {"epochs": 2, "rows_per_batch": 128, "learning_rate": 0.01, "patience": 0}}
    )
    result = train(write_synthetic(generate(ratings), root / "data", data), root, config)
    export_saved_model(result.snapshot(), root / "model")
    return Saved(result, root / "model")


@pytest.fixture(scope="package")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    ratings = SyntheticConfig(users=60, items=30, ratings=700, days=60, seed=7)
    return trained_and_saved(tmp_path_factory.mktemp("served"), ratings, DataConfig(shards=1))


@pytest.fixture(scope="package")
def saved_default(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """A network with all that the default preset has, without stationary factors."""
    ratings = SyntheticConfig(users=50, items=30, ratings=600, days=250, seed=4)
    sizes = {**LIKE_THE_DEFAULT, "units": 5, "embedding": 4, "stationary": 0}
    return trained_and_saved(tmp_path_factory.mktemp("default"), ratings, DataConfig(shards=1), **sizes)


class SavedEvents(NamedTuple):
    """A Collaborative RNN and where it was exported to."""

    result: EventSnapshot
    path: Path


def trained_on_events(matrices: str = "personal", stationary: int = 0) -> EventSnapshot:
    """A network of random weights with its states."""
    rng = np.random.default_rng(1)
    tf.keras.utils.set_random_seed(1)
    sequences = EventSequences(
        user_splits=np.array([0, *range(0, USERS * EACH + 1, EACH)]),
        item=rng.integers(1, ITEMS + 1, USERS * EACH).astype(np.int32),
        timestamp=np.arange(USERS * EACH),
        split=np.full(USERS * EACH, Split.TRAIN, np.uint8),
        user_ids=np.array([f"user {n}" for n in range(USERS)], dtype=object),
        item_ids=np.array([f"item {n}" for n in range(ITEMS)], dtype=object),
    )
    model = CollaborativeRNN(USERS, ITEMS, units=4, matrices=matrices, stationary=stationary)
    model.stationary.table.assign(tf.random.normal(model.stationary.table.shape))
    return EventSnapshot(model, sequences, EventRoller(model).states(sequences), {})


@pytest.fixture(scope="package")
def saved_events(tmp_path_factory: pytest.TempPathFactory) -> SavedEvents:
    result, path = trained_on_events(), tmp_path_factory.mktemp("saved")
    export_event_model(result, path)
    return SavedEvents(result, path)


@pytest.fixture(scope="package")
def saved_mixture(tmp_path_factory: pytest.TempPathFactory) -> SavedEvents:
    """A mixture with low-rank recurrent matrices of each user's own, trained for two epochs."""
    result = train_events(
        rhythmic_events(), tmp_path_factory.mktemp("training"), small_mixture(2, matrices="low-rank", rank=2)
    )
    path = tmp_path_factory.mktemp("saved")
    export_event_model(result, path)
    return SavedEvents(result, path)
