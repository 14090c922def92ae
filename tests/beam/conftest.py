"""What tests of other runners share: a source, a model, and what the runner within one process writes of them."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from tests.beam.other_runner import Written, write_here

ROWS = 20_000


@pytest.fixture
def pool() -> Iterator[socket.socket]:
    """What listens where a pool of workers would."""
    with socket.create_server(("localhost", 0)) as listening:
        yield listening


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Ratings of which a tenth are of one item, repeated ones and ones that cannot be read."""
    rng = np.random.default_rng(7)
    item = np.where(rng.random(ROWS) < 0.1, 0, rng.integers(1, 300, ROWS))
    columns = rng.integers(0, 900, ROWS), item, rng.integers(1, 6, ROWS), rng.integers(10**9, 10**9 + 10**7, ROWS)
    rows = [f"u{user},i{item},{rating},{time}" for user, item, rating, time in zip(*columns)]
    path = tmp_path_factory.mktemp("source") / "ratings.csv"
    path.write_text("\n".join(["user_id,item_id,rating,timestamp", *rows, *rows[:5], "u1,i1,x,3", "u1,i1,3", ""]))
    return str(path)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    import tensorflow as tf

    from tests.beam.test_score import Double

    path, double = str(tmp_path_factory.mktemp("model")), Double()
    tf.saved_model.save(double, path, signatures={"predict": double.answer})
    return path


@pytest.fixture(scope="session")
def written(source: str, model: str, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """What the runner within this process writes."""
    return write_here(source, model, tmp_path_factory.mktemp("memory"))
