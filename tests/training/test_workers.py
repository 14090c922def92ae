"""Two processes on one machine train together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from rrn_tf.bench.ports import free_ports
from rrn_tf.cluster import several_workers
from rrn_tf.training.devices import make_strategy
from rrn_tf.training.workers import from_chief, is_chief, num_workers, own_replicas, sum_of_workers, take_from_chief

ROOT = Path(__file__).parent.parent.parent
SECONDS = 900


class Kind(NamedTuple):
    """A model, and how it is trained here.

    Attributes:
      model: the option of `rrn train`.
      data: likewise.
      settings: likewise, beside those of both.
      losses: of an epoch, in `metrics.json`.
      figure: of a split, there.
      protocols: that it is given by.
      workers: how many train as one does.
    """

    model: str
    data: str
    settings: list[str]
    losses: tuple[str, ...]
    figure: str
    protocols: tuple[str, str]
    workers: int = 2


SETTINGS = ["training.patience=0", "model.units=6"]
INNOVATIONS = Kind(
    "rrn",
    "synthetic:users=80,items=40,ratings=1500,days=90",
    ["training.epochs=2", "training.rows_per_batch=256", "model.ensemble=2"],
    ("user_rmse", "item_rmse", "valid_rmse"),
    "rmse",
    ("frozen", "streaming"),
)
OF_RATINGS = [
    *INNOVATIONS.settings,
    "model.inputs=ratings",
    "model.include_opposite_state=false",
    "model.bayesian_factors=0",
]
# States are divided among the workers, those of validation too.
RATINGS = INNOVATIONS._replace(settings=[*OF_RATINGS, "training.selection=both"])
# Ratings are divided too, and the chief fits the first factors.
OWN_RATINGS = INNOVATIONS._replace(
    settings=[*OF_RATINGS, "training.selection=frozen", "training.pretraining=pmf", "model.stationary=4"], workers=4
)
EVENTS = Kind(
    "crnn",
    "synthetic-events:users=30,items=60,events=1800",
    [
        "training.epochs=3",
        "training.users_per_batch=7",
        "training.chunk=8",
        "training.selection=interleaved",
        "training.dropout=0",  # each replica has draws of its own
        "data.min_item_events=2",
        "data.min_user_entropy=0",
    ],
    ("train_nll", "valid_nll"),
    "nll",
    ("clean", "interleaved"),
)


KINDS = {"innovations": INNOVATIONS, "ratings": RATINGS, "own ratings": OWN_RATINGS, "events": EVENTS}


def start(kind: Kind, output: Path, workers: int, *more: str) -> list[subprocess.Popen[str]]:
    """`rrn train` in as many processes as there are workers, which TF_CONFIG introduces to each other."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    settings = [f"--set={setting}" for setting in (*SETTINGS, *kind.settings)]
    command = ["train", "--model", kind.model, "--data", kind.data, "--output", str(output), *settings, *more]
    processes = []
    for index in range(workers):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "rrn_tf.cli", *command],
                env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CONFIG": json.dumps(task)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return processes


def finished(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """Exit codes and what was printed; whoever takes too long is killed."""
    deadline = time.monotonic() + SECONDS
    try:
        outputs = [process.communicate(timeout=max(deadline - time.monotonic(), 1)) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, *output) for process, output in zip(processes, outputs, strict=True)]


def figures(run: Path) -> dict[str, Any]:
    return json.loads((run / "metrics.json").read_text())


def history(kind: Kind, run: Path) -> np.ndarray:
    return np.array([[record[loss] for loss in kind.losses] for record in figures(run)["epochs"]])


@pytest.fixture(scope="module", params=KINDS, ids=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture(scope="module")
def alone(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    ((code, _, errors),) = finished(start(kind, folder, 1))
    assert code == 0, errors
    return folder


@pytest.mark.slow
def test_workers_train_as_one_does(kind: Kind, alone: Path, tmp_path: Path) -> None:
    results = finished(start(kind, tmp_path, kind.workers))
    assert [result[0] for result in results] == [0] * kind.workers, "".join(result[2] for result in results)
    np.testing.assert_allclose(history(kind, tmp_path), history(kind, alone), rtol=1e-5)
    assert [result[1] for result in results[1:]] == [""] * (kind.workers - 1), "the chief alone reports"
    for split in ("valid", "test"):
        for protocol in kind.protocols:
            mine, one = (figures(run)[split][protocol] for run in (tmp_path, alone))
            assert mine[kind.figure] == pytest.approx(one[kind.figure], rel=1e-4)
            assert mine["n"] == one["n"] > 0
    assert (tmp_path / "model" / "saved_model.pb").exists()


@pytest.mark.slow
def test_a_lost_worker_ends_in_one_line_and_all_can_resume(kind: Kind, alone: Path, tmp_path: Path) -> None:
    processes = start(kind, tmp_path, 2)
    deadline = time.monotonic() + SECONDS
    while not (tmp_path / "checkpoints/progress/phase-2.index").exists():
        assert processes[0].poll() is None, "the run should not end before a worker is killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    processes[1].send_signal(signal.SIGKILL)
    (code, _, errors), _ = finished(processes)
    assert code == 1
    assert "another worker stopped or cannot be reached" in errors.splitlines()[-1]
    assert not (tmp_path / "metrics.json").exists()
    for result in finished(start(kind, tmp_path, 2, "--resume")):
        assert result[0] == 0, result[2]
    np.testing.assert_allclose(history(kind, tmp_path), history(kind, alone), rtol=1e-5)


def test_a_single_process_is_its_own_chief() -> None:
    strategy = tf.distribute.get_strategy()
    variable = tf.Variable([1.0, 2.0])
    assert (num_workers(strategy), is_chief(strategy)) == (1, True)
    assert from_chief(strategy, 2.5) == 2.5
    assert (own_replicas(strategy), sum_of_workers(strategy, 2.5)) == ([0], 2.5)
    take_from_chief(strategy, [variable])
    assert variable.numpy().tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("text", "several"),
    [
        (None, False),
        ("", False),
        ("{}", False),
        ('{"cluster": {"worker": ["a:1"]}}', False),
        ('{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}}', True),
        ('{"cluster": {"worker": ["a:1", "b:1"], "ps": ["c:1"]}}', True),
    ],
)
def test_the_environment_names_workers(text: str | None, several: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    assert several_workers() is several


def test_bad_clusters_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, found in (
        ('{"hunter2"', r"10 characters that are no JSON: .* at character 10"),
        ('["hunter2"]', "JSON of the type list"),
        ("[" * 100_000, "JSON in too many levels"),
        ('{"cluster": "hunter2"}', "a cluster of the type str"),
        ('{"cluster": {"worker": "hunter2"}}', "a worker of the type str"),
        ('{"cluster": {"chief": 3}}', "a chief of the type int"),
    ):
        monkeypatch.setenv("TF_CONFIG", text)
        with pytest.raises(ValueError, match=f"TF_CONFIG should be JSON with a cluster .*, received {found}$") as told:
            several_workers()
        assert "hunter2" not in str(told.value)
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:1"]}}')
    with pytest.raises(ValueError, match="replicas should be 0 where TF_CONFIG has several workers, received 2"):
        make_strategy(2)
