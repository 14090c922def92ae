"""Two processes train to the losses of one, and exchange the vectors of all steps once a refresh."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import benchmarks.several_workers as several


@pytest.mark.slow
def test_one_and_two_processes_are_measured(tmp_path: Path) -> None:
    answer = tmp_path / "a.json"
    small = ["--set", "model.units=6", "--set", "model.dynamic=5", "--epochs", "1"]
    sizes = ["--ratings", "2000", "--users", "100", "--items", "50"]
    result = CliRunner().invoke(several.main, [*sizes, *small, "--json", str(answer)])
    assert result.exit_code == 0, result.output
    found = json.loads(answer.read_text())["workers"]
    (one,), two = found["1"], found["2"]
    for part in ("user_phase", "user_refresh", "item_phase", "item_refresh"):
        assert one[part]["bytes"] == 0 < min(of[part]["bytes"] for of in two)
    for side in ("user", "item"):
        assert two[0][f"{side}_rmse"] == two[1][f"{side}_rmse"] == pytest.approx(one[f"{side}_rmse"], rel=1e-5)
        # What one gives the other receives, vectors of five numbers.
        assert sum(of[f"{side}_refresh"]["bytes"] for of in two) % 20 == 0
    assert result.output.splitlines()[-1].startswith("2 processes: ")
