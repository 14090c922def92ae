from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.crnn_seeds import main

SMALL = ("--set=model.matrices=shared", "--set=model.units=3", "--set=training.epochs=3", "--set=training.chunk=8")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Eight users and four items, of which any may come."""
    folder, rng = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    for name, times in (("train", range(20)), ("valid", range(20, 24))):
        lines = [f"{user} {rng.integers(1, 5)} {t}\n" for user in range(1, 9) for t in times]
        (folder / f"{name}.txt").write_text("".join(lines))
    return str(folder / "train.txt"), str(folder / "valid.txt")


def measured(files: tuple[str, str], output: Path, *more: str) -> tuple[str, list[dict[str, Any]]]:
    result = CliRunner().invoke(main, [*files, *SMALL, "--json", str(output), *more])
    assert result.exit_code == 0, result.output
    return result.output, json.loads(output.read_text())["runs"]


def test_a_line_a_seed(files: tuple[str, str], tmp_path: Path) -> None:
    printed, runs = measured(files, tmp_path / "a.json", "--seeds", "0,1")
    assert [run["seed"] for run in runs] == [0, 1]
    assert [len(run["epoch_seconds"]) for run in runs] == [2, 2]
    for run in runs:
        assert all(0 < loss < np.log(4) + 1 for loss in run["valid"].values())
        assert f"{run['valid']['interleaved']:.4f}" in printed
    assert runs[0]["valid"] != runs[1]["valid"]
    assert "test" not in runs[0]


def test_carved_out_events_choose_and_the_file_tests(files: tuple[str, str], tmp_path: Path) -> None:
    printed, (run,) = measured(files, tmp_path / "a.json", "--carve-out")
    assert run["test"].keys() == {"clean", "interleaved"}
    assert "test clean" in printed
    assert run["test"]["clean"] != run["valid"]["clean"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [(["--seeds", "a"], 2, "expected seeds such as 0,1,2, found 'a'"), (["--set", "model.units=0"], 2, "model.units")],
)
def test_bad_arguments_end_in_one_line(files: tuple[str, str], arguments: list[str], code: int, said: str) -> None:
    result = CliRunner().invoke(main, [*files, *arguments])
    assert result.exit_code == code
    assert said in result.output.splitlines()[-1]
