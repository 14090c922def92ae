"""Artifacts made by running the executors themselves on a few hundred ratings."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rrn_tf.config import DataConfig

BAD_ROW = "u1,,4.0,1000"


@pytest.fixture(scope="session")
def data_config() -> dict[str, Any]:
    return dataclasses.asdict(DataConfig(max_bad_share=0.01, shards=2))


@pytest.fixture(scope="session")
def ratings_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 good ratings of 20 users and 15 items over 300 days, and one row without an item."""
    rng = np.random.default_rng(1)
    pairs = rng.choice(20 * 15 * 3, 600, replace=False)
    frame = pd.DataFrame(
        {
            "user_id": [f"u{pair % 20}" for pair in pairs],
            "item_id": [f"i{pair // 20 % 15}" for pair in pairs],
            "rating": rng.integers(1, 11, 600) / 2,
            "timestamp": 1_000_000_000 + rng.permutation(600) * 43_200,
        }
    )
    path = tmp_path_factory.mktemp("ratings") / "ratings.csv"
    path.write_text(frame.to_csv(index=False) + BAD_ROW + "\n")
    return path


@pytest.fixture(scope="session")
def examples(ratings_csv: Path, data_config: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What RatingsExampleGen makes of the ratings."""
    from tfx.types import standard_artifacts

    from components.ratings_example_gen.component import RatingsExampleGen
    from components.ratings_example_gen.executor import Executor

    component = RatingsExampleGen(str(ratings_csv.parent), "*.csv", data_config)
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path_factory.mktemp("examples"))
    Executor().Do({}, {"examples": [artifact]}, dict(component.exec_properties))
    return artifact


@pytest.fixture(scope="session")
def sequences(examples: Any, data_config: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What SequenceBuilder makes of the Examples."""
    from tfx.types import channel_utils, standard_artifacts

    from components.sequence_builder.component import SequenceBuilder
    from components.sequence_builder.executor import Executor

    component = SequenceBuilder(channel_utils.as_channel([examples]), data_config)
    artifact = standard_artifacts.Examples()
    artifact.uri = str(tmp_path_factory.mktemp("sequences"))
    Executor().Do({"examples": [examples]}, {"sequences": [artifact]}, dict(component.exec_properties))
    return artifact
