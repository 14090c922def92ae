from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import peers_speed
from benchmarks.peer_models import MODELS, TEST, TRAIN, VALID
from benchmarks.peer_process import LIBRARIES
from benchmarks.peer_rankers import RANKERS
from benchmarks.peers_speed import PEERS, SEARCHES, main, prepared, ranking_table, training_table

MEBIBYTES = {"peak_memory_bytes": 2_000_000, "library": "some 1.0"}


def test_every_row_has_its_function_and_library() -> None:
    assert set(PEERS) == set(MODELS)
    assert set(SEARCHES) == set(RANKERS)
    assert set(LIBRARIES) == {*PEERS, *SEARCHES}
    pins = Path(peers_speed.__file__).with_suffix(".txt").read_text().splitlines()[1:]
    pinned = {line.split("==")[0] for line in pins}
    of_tensorflow = {"tensorflow-recommenders"}
    assert {distribution for _, distribution in LIBRARIES.values()} - of_tensorflow <= pinned


def test_trainings_are_compared_with_the_first_of_ours_that_ended() -> None:
    rows = {
        "rrn:rrn-plus:all": {"stopped": 60.0},
        "rrn:rrn-plus:1": {"rmse": 0.5, "seconds": 4.0, "cpu_seconds": 8.0, **MEBIBYTES},
        "lightgbm": {"rmse": 0.75, "seconds": 1.0, "cpu_seconds": 2.0, **MEBIBYTES},
        "implicit-als": {"missing": "implicit", "module": "implicit"},
        "surprise-svdpp": {"failed": "ValueError: a | b"},
    }
    lines = training_table(rows).splitlines()[2:]
    assert lines[0].startswith("| rrn:rrn-plus:all | ended after 60 s, the budget |")
    assert lines[1] == "| rrn:rrn-plus:1 | 0.5000 | 4.0 | 1.00 | 8.0 | 1.00 | 2 |"
    assert lines[2] == "| lightgbm (some 1.0) | 0.7500 | 1.0 | 0.25 | 2.0 | 0.25 | 2 |"
    assert "pip install implicit (pinned in benchmarks/peers_speed.txt)" in lines[3]
    assert "failed: ValueError: a / b" in lines[4]
    assert len({line.count("|") for line in lines}) == 1


def test_searches_are_compared_with_ours() -> None:
    ours = {"p50_ms": 8.0, "p95_ms": 16.0, "requests_per_second": 100.0, "same": 1.0, **MEBIBYTES}
    rows = {"rrn:a:1": ours, "faiss-exact": {**ours, "p50_ms": 2.0, "same": 0.5}}
    lines = ranking_table(rows).splitlines()[2:]
    assert lines[0] == "| rrn:a:1 | 8.000 | 1.000 | 16.000 | 100 | 100% |"
    assert lines[1] == "| faiss-exact (some 1.0) | 2.000 | 0.250 | 16.000 | 100 | 50% |"


def test_the_best_reachable_error_is_the_noise_of_the_test_ratings(tmp_path: Path) -> None:
    split, floor = prepared(2_000, 0, tmp_path)
    with np.load(tmp_path / "split.npz") as parts:
        assert parts[TRAIN].shape == (len(split.train), 4)
        assert parts[TRAIN][:, 3].max() < min(parts[part][:, 3].min() for part in (VALID, TEST))
        constant = parts[TEST][:, 2].std()
    # The generator's noise has a standard deviation of 0.5; half stars and clipping change it little.
    assert 0.4 < floor < 0.6 < constant
    assert sum(1 for _ in (tmp_path / "train.csv").open()) == len(split.train) + 1


def test_searches_find_the_largest_products() -> None:
    users, items = np.eye(3, dtype=np.float32), np.arange(12, dtype=np.float32).reshape(4, 3) % 7
    for user in range(3):
        np.testing.assert_array_equal(RANKERS["numpy"](users, items, 2)(user), np.argsort(-items[:, user])[:2])


@pytest.mark.parametrize("run", ["rrn-plus", "rrn-plus:0", "../a:1"])
def test_a_run_is_a_preset_and_epochs(run: str) -> None:
    result = CliRunner().invoke(main, ["--run", run])
    assert result.exit_code == 2
    assert "expected PRESET:EPOCHS such as rrn-plus:1" in result.output


def test_a_python_that_is_not_there_is_a_row(tmp_path: Path) -> None:
    started = peers_speed._Starter(str(tmp_path / "none"), 60.0, 1, tmp_path)("train", "lightgbm")
    assert "failed" in started


@pytest.mark.slow
def test_two_towers_learn(tmp_path: Path) -> None:
    prepared(3_000, 0, tmp_path)
    with np.load(tmp_path / "split.npz") as parts:
        split = {part: parts[part] for part in (TRAIN, VALID, TEST)}
    _, predicted = MODELS["tfrs-two-tower"](split, 0)
    rating = split[TEST][:, 2]
    assert np.mean((predicted - rating) ** 2) < np.mean((split[TRAIN][:, 2].mean() - rating) ** 2)


@pytest.mark.slow
def test_what_is_installed_runs_and_the_rest_says_how_to_install_it(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    arguments = ["--ratings=2000", "--run=paper-netflix:1", "--requests=20", "--peer=lightgbm", f"--json={file}"]
    result = CliRunner().invoke(main, [*arguments, f"--peers-python={sys.executable}"])
    assert result.exit_code == 0, result.output
    found = json.loads(file.read_text())
    ours = "rrn:paper-netflix:1"
    assert set(found["training"]) == {ours, "lightgbm"}
    assert set(found["ranking"]) == {ours, *SEARCHES}
    for row in (*found["training"].values(), *found["ranking"].values()):
        assert "missing" in row or row["peak_memory_bytes"] > 0, row
    assert 0.3 < found["training"][ours]["rmse"] < 2
    for name in (ours, "numpy"):
        assert found["ranking"][name]["same"] > 0.9
