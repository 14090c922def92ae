"""One small prepared data set for all training tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from rrn_tf.data.synthetic import SyntheticConfig, generate
from tests.prepared import write_synthetic

DATA = SyntheticConfig(
    users=120, items=80, ratings=4_000, days=120, late_users=0, bias_share=0.8, static=True, noise=0.3, seed=5
)


@pytest.fixture(scope="package")
def prepared_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4,000 ratings in which users and items differ much and noise is small."""
    return write_synthetic(generate(DATA), tmp_path_factory.mktemp("prepared"))
