"""A small trained and saved model."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from rrn_tf.config import config_from_dict
from rrn_tf.data.synthetic import SyntheticConfig, generate
from rrn_tf.serving.export import export_saved_model
from rrn_tf.training.alternating import TrainingResult, train
from tests.prepared import write_synthetic


class Saved(NamedTuple):
    """A training result and where it was exported to."""

    result: TrainingResult
    path: Path


@pytest.fixture(scope="package")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    root = tmp_path_factory.mktemp("served")
    ratings = generate(SyntheticConfig(users=60, items=30, ratings=700, days=60, seed=7))
    sizes = {"units": 6, "embedding": 5, "dynamic": 3, "stationary": 2}
    config = config_from_dict(
        {"model": sizes, "training": {"epochs": 2, "rows_per_batch": 128, "learning_rate": 0.01, "patience": 0}}
    )
    result = train(write_synthetic(ratings, root / "data"), root, config)
    export_saved_model(result, root / "model")
    return Saved(result, root / "model")
