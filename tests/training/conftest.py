"""One small prepared data set for all training tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from rrn_tf.data.synthetic import SyntheticConfig, generate
from tests.prepared import write_synthetic


@pytest.fixture(scope="package")
def prepared_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4,000 drifting ratings of 120 users and 60 items."""
    ratings = generate(SyntheticConfig(users=120, items=80, ratings=4_000, days=120, seed=5))
    return write_synthetic(ratings, tmp_path_factory.mktemp("prepared"))
