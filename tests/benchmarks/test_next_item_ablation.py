"""The ablation of next items: a row a part, nothing trained twice, generated logs beside their truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import benchmarks.event_rows as event_rows
from benchmarks.event_rows import Row, difference
from benchmarks.next_item_ablation import EFFECTS, LADDER, main
from rrn_tf.collaborative_config import PARTS, CollaborativeConfig
from rrn_tf.config import CRNN_PLUS, load_config
from rrn_tf.data.synthetic_listening import SyntheticListeningConfig

LOG = "synthetic-listening:users=10,items=12,events=500,groups=2,genres=3"
SMALL = ("model.units=3", "model.stationary=2", "model.window=8", "training.epochs=1", "training.chunk=16")


def invoke(*arguments: str) -> Result:
    sizes = [f"--set={setting}" for setting in SMALL]
    return CliRunner().invoke(main, [*sizes, "--seeds", "0", "--only", "hour", *arguments])


def test_every_row_is_another_configuration() -> None:
    configs = [load_config(CRNN_PLUS, settings, CollaborativeConfig) for settings in LADDER.values()]
    assert all(config not in configs[:number] for number, config in enumerate(configs))
    assert configs[0] == load_config(CRNN_PLUS, kind=CollaborativeConfig)
    assert set(EFFECTS) < set(PARTS)
    assert all(hasattr(SyntheticListeningConfig(), effect) for effects in EFFECTS.values() for effect in effects)


@pytest.mark.slow
def test_rows_are_trained_once_and_beside_them_stands_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = invoke(str(tmp_path), LOG)
    assert first.exit_code == 0, first.output
    table = (tmp_path / "ablation.md").read_text()
    assert table.startswith(f"## {LOG}: best reachable test NLL ")
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("| w")]
    assert [line[0] for line in lines] == ["whole", "without hour"]
    files = sorted(tmp_path.rglob("*-0.json"))
    whole, without = (Row(**json.loads(file.read_text())["row"]) for file in files)
    less = difference([without], [whole])
    assert lines[1][3] == f"{less.value:+.4f} ± {less.standard_error:.4f}"
    assert less.value == pytest.approx(without.test_nll - whole.test_nll)
    assert less.standard_error > 0
    monkeypatch.setattr(event_rows, "train", None)
    assert invoke(str(tmp_path), LOG).exit_code == 0
    assert (tmp_path / "ablation.md").read_text() == table
    other = invoke(str(tmp_path), LOG, "--set", "model.units=4")
    assert other.exit_code == 1
    assert "whole-0.json: expected figures of the same settings, found others; use another OUTPUT" in other.output


@pytest.mark.slow
def test_planted_effects_are_taken_away(tmp_path: Path) -> None:
    found = invoke(str(tmp_path), LOG, "--planted")
    assert found.exit_code == 0, found.output
    part, effect, worth, *costs = [
        cell.strip() for cell in (tmp_path / "ablation.md").read_text().splitlines()[-1].split("|")[1:-1]
    ]
    assert (part, effect, len(costs)) == ("hour", "hour", 2)
    assert np.isfinite(float(worth))
    assert len(list(tmp_path.rglob("*hour=0/*.json"))) == 3  # two rows, and how the log was prepared


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.csv"], "nowhere.csv: expected a CSV"),
        ([LOG, "--only", "luck"], "expected --only of recency, hour,"),
        ([LOG, "--planted", "--only", "time"], "with --planted, expected --only of recency, hour,"),
        (["synthetic-events", "--planted"], "--planted needs logs of synthetic-listening, found synthetic-events"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = invoke(str(tmp_path), *arguments)
    assert result.exit_code
    assert said in result.output
