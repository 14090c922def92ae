"""Every stage of a training has seconds and a peak of its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import benchmarks.memory_by_stage as memory


def test_a_peak_is_that_of_its_stage() -> None:
    clock = memory.StageClock()
    with clock.stage("large"):
        np.ones(25_000_000).sum()
    with clock.stage("small"):
        np.ones(1_000).sum()
    large, small = (clock.figures[name]["peak_memory_bytes"] for name in ("large", "small"))
    if large == small:
        pytest.skip("this system does not let a process reset its peak memory")
    assert large > small + 100_000_000
    assert memory.lines(clock.figures, 1_000)[1].startswith("large ")


@pytest.mark.slow
def test_all_stages_are_measured(tmp_path: Path) -> None:
    answer = tmp_path / "a.json"
    settings = ["--set", "model.units=4", "--set", "data.user_granularity=2mo"]
    size = ["--ratings", "2000", "--users", "60", "--items", "200"]
    result = CliRunner().invoke(memory.main, [*size, *settings, "--json", str(answer)])
    assert result.exit_code == 0, result.output
    stages = json.loads(answer.read_text())["stages"]
    assert list(stages) == [
        "generate",
        "prepare",
        "read sequences",
        "batches, states",
        "first factors",
        "user phase",
        "user states",
        "item phase",
        "item states, validation",
        "predictions",
        "export",
    ]
    assert all(of["peak_memory_bytes"] > 0 for of in stages.values())
    assert stages["read sequences"]["user_rows"] >= 60
    assert "steps of users" in result.output.splitlines()[-1]
