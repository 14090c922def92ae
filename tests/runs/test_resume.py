"""`rrn train --resume`: killed anywhere, it ends as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rrn_tf.cli.main import main

DATA = "synthetic:users=80,items=40,ratings=1500,days=90"
SETTINGS = [
    "training.epochs=3",
    "training.patience=0",
    "training.rows_per_batch=256",
    "model.units=6",
    "model.ensemble=2",
]


def command(output: Path, *more: str) -> list[str]:
    return ["train", "--data", DATA, "--output", str(output), *(f"--set={s}" for s in SETTINGS), *more]


def figures(run: Path) -> dict[str, Any]:
    """What does not depend on the clock or the machine."""
    metrics = json.loads((run / "metrics.json").read_text())
    history = [{k: v for k, v in record.items() if "seconds" not in k} for record in metrics["epochs"]]
    return {name: metrics[name] for name in ("train", "valid", "test", "best_epoch")} | {"epochs": history}


@pytest.mark.slow
@pytest.mark.parametrize(
    "until",
    [
        "sequences/metadata.json",  # before training
        "checkpoints/progress/phase-2.index",  # after the first phase
        "checkpoints/progress/phase-5.index",  # in the third epoch
    ],
)
def test_a_killed_run_resumes_to_the_same_figures(until: str, whole: Path, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "rrn_tf.cli", *command(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 900
    while not (tmp_path / until).exists():
        assert child.poll() is None, "the run should not end before it is killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "metrics.json").exists()
    result = CliRunner().invoke(main, command(tmp_path, "--resume"))
    assert result.exit_code == 0, result.output
    assert figures(tmp_path) == figures(whole)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run; `--resume` without an earlier one begins."""
    folder = tmp_path_factory.mktemp("whole")
    result = CliRunner().invoke(main, command(folder, "--resume"))
    assert result.exit_code == 0, result.output
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["--set=model.units=7"], "config.yaml: expected the run's own model.units=6, found 7"),
        (["--set=data.user_granularity=2d"], "config.yaml: expected the run's own data.user_granularity=1d, found 2d"),
        (["--data", f"{DATA},seed=1"], "expected the run's own data"),
    ],
)
def test_another_model_or_other_ratings_cannot_go_on(changed: list[str], said: str, whole: Path) -> None:
    before = (whole / "config.yaml").read_text()
    result = CliRunner().invoke(main, command(whole, "--resume", *changed))
    assert result.exit_code == 1
    assert said in result.output.splitlines()[-1]
    assert (whole / "config.yaml").read_text() == before
