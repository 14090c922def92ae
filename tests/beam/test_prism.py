"""Beam's Prism, whose workers are processes apart, writes what the runner within one process writes."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.beam import every_output

ROOT = Path(__file__).parents[2]
SCRIPT = str(ROOT / "scripts" / "prism")
ROWS = 20_000
# Seconds after which a start or a job is taken to hang; both take a fraction of it.
LIMIT = 400


def program() -> Path:
    told = subprocess.run([SCRIPT, "path"], capture_output=True, text=True, check=True, timeout=60)
    return Path(told.stdout.strip())


def free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("localhost", 0))
        return [each.getsockname()[1] for each in sockets]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Ratings of which a tenth are of one item, repeated ones and ones that cannot be read."""
    rng = np.random.default_rng(7)
    item = np.where(rng.random(ROWS) < 0.1, 0, rng.integers(1, 300, ROWS))
    columns = rng.integers(0, 900, ROWS), item, rng.integers(1, 6, ROWS), rng.integers(10**9, 10**9 + 10**7, ROWS)
    rows = [f"u{user},i{item},{rating},{time}" for user, item, rating, time in zip(*columns)]
    path = tmp_path_factory.mktemp("source") / "ratings.csv"
    path.write_text("\n".join(["user_id,item_id,rating,timestamp", *rows, *rows[:5], "u1,i1,x,3", "u1,i1,3", ""]))
    return str(path)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    import tensorflow as tf

    from tests.beam.test_score import Double

    path, double = str(tmp_path_factory.mktemp("model")), Double()
    tf.saved_model.save(double, path, signatures={"predict": double.answer})
    return path


@pytest.fixture(scope="module")
def pools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[list[str]]]:
    """Prism and two pools of workers: Beam's options for either pool."""
    if not program().exists():
        pytest.skip(f"Prism is not built: where Go is, {SCRIPT} build does it")
    state = tmp_path_factory.mktemp("prism")
    port, *of_pools = free_ports(3)
    settings = {
        "PRISM_PORT": str(port),
        "PRISM_POOLS": " ".join(map(str, of_pools)),
        "PRISM_STATE": str(state),
        "PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    run = {"env": {**os.environ, **settings}, "capture_output": True, "text": True, "timeout": LIMIT}
    try:
        started: Any = subprocess.run([SCRIPT, "start"], check=False, **run)
        assert started.returncode == 0, started.stderr
        shared = ["--runner=PortableRunner", f"--job_endpoint=localhost:{port}", "--environment_type=EXTERNAL"]
        yield [[*shared, f"--environment_config=localhost:{pool}"] for pool in of_pools]
    finally:
        subprocess.run([SCRIPT, "stop"], check=True, **run)


@pytest.mark.slow
def test_files_are_those_of_one_process(
    source: str, model: str, pools: list[list[str]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    every_output.write(source, model, tmp_path / "memory")
    expected = every_output.read(tmp_path / "memory")
    for name, options in zip(("first", "second"), pools, strict=True):
        command = [sys.executable, "-m", "tests.beam.every_output", source, model, str(tmp_path / name), *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        # A job that hangs is killed.
        subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=LIMIT)
        found = every_output.read(tmp_path / name)
        assert found.keys() == expected.keys(), capfd.readouterr().err
        assert [name for name in found if found[name] != expected[name]] == []
