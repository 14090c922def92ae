"""`rrn train --model crnn`: from events to a run directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from rrn_tf.cli.main import main
from rrn_tf.data.load_events import load_events
from rrn_tf.features import ITEM_ID, TIMESTAMP, USER_ID, Split

SETTINGS = ["training.epochs=2", "data.min_item_events=2", "data.min_user_entropy=0", "model.units=6"]
DATA = "synthetic-events:users=30,items=60,events=1800"


def train(output: Path, *more: str, data: str = DATA) -> Result:
    settings = [f"--set={setting}" for setting in SETTINGS]
    return CliRunner().invoke(
        main, ["train", "--model", "crnn", "--data", data, "--output", str(output), *settings, *more]
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    result = train(folder, "--json", str(folder / "printed.json"))
    assert result.exit_code == 0, result.output
    (folder / "printed.txt").write_text(result.output)
    return folder


def figures(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


def test_a_run_holds_all_that_was_made(run: Path) -> None:
    metrics = figures(run)
    assert json.loads((run / "printed.json").read_text()) == metrics
    assert len(metrics["epochs"]) == 2
    for split in (Split.VALID, Split.TEST):
        clean, interleaved = (metrics[split.label][protocol] for protocol in ("clean", "interleaved"))
        assert clean["n"] == metrics["events"][split.label]
        assert interleaved["n"] == clean["n"] - clean["users"]
        assert 0 < metrics["best_nll"] < clean["nll"]
    assert (run / "model" / "saved_model.pb").exists()
    assert (run / "config.yaml").exists()
    assert {"versions", "peak_memory_bytes", "seed"} <= metrics.keys()
    for rows in metrics["test"]["clean"]["slices"].values():
        assert sum(row["n"] for row in rows) == metrics["test"]["clean"]["n"]
    assert metrics["dropped_users"].keys() == metrics["dropped"].keys() == metrics["dropped_items"].keys()


@pytest.mark.slow
def test_later_events_of_a_file_are_validation(run: Path, tmp_path: Path) -> None:
    """With resuming, evaluation of both files, and the events of the run as the two."""
    events = load_events(run / "sequences")
    frame = pd.DataFrame(
        {
            USER_ID: events.user_ids[events.user - 1],
            ITEM_ID: events.item_ids[events.item - 1],
            TIMESTAMP: events.timestamp,
        }
    )
    late = events.split != Split.TRAIN
    frame[~late].to_csv(tmp_path / "events.csv", index=False)
    frame[late].to_csv(tmp_path / "later.csv", index=False)
    arguments = [f"--valid={tmp_path / 'later.csv'}", "--set=data.min_item_events=1", "--set=training.epochs=1"]
    result = train(tmp_path / "run", *arguments, data=str(tmp_path / "events.csv"))
    assert result.exit_code == 0, result.output
    metrics = figures(tmp_path / "run")
    assert metrics["events"] == {"train": int((~late).sum()), "valid": int(late.sum()), "test": 0}
    assert "test" not in metrics
    assert metrics["valid"]["clean"]["n"] == late.sum()

    resumed = train(tmp_path / "run", *arguments, "--resume", data=str(tmp_path / "events.csv"))
    assert resumed.exit_code == 0, resumed.output
    assert figures(tmp_path / "run")["valid"] == metrics["valid"]
    other = train(tmp_path / "run", *arguments[1:], "--resume", data=str(tmp_path / "events.csv"))
    assert "expected the run's own data" in other.output.splitlines()[-1]

    frame.to_csv(tmp_path / "all.csv", index=False)
    asked = ["evaluate", "--model", str(tmp_path / "run"), "--data", str(tmp_path / "all.csv")]
    said = CliRunner().invoke(main, [*asked, "--json", str(tmp_path / "evaluated.json")])
    assert said.exit_code == 0, said.output
    assert f"{(~late).sum():,} events that the model was trained on are left out" in said.output
    evaluated = json.loads((tmp_path / "evaluated.json").read_text())
    for name in ("nll", "mrr", "n"):
        assert evaluated["test"]["clean"][name] == pytest.approx(metrics["valid"]["clean"][name], rel=1e-4)
    for mine, theirs in zip(evaluated["slices"].values(), metrics["valid"]["clean"]["slices"].values(), strict=True):
        assert [(row["slice"], row["n"]) for row in mine] == [(row["slice"], row["n"]) for row in theirs]


def test_each_stage_is_told(run: Path) -> None:
    lines = (run / "printed.txt").read_text().splitlines()
    stages = (
        "preparing events",
        "counting what other users do",
        "looking back upon each event",
        "exporting the model",
        "predicting by both protocols",
    )
    assert [line for line in lines if line in stages] == [*stages]


@pytest.mark.slow
def test_a_longer_run_goes_on_from_a_shorter_one(run: Path, tmp_path: Path) -> None:
    assert train(tmp_path, "--set=training.epochs=1").exit_code == 0
    result = train(tmp_path, "--resume")
    assert result.exit_code == 0, result.output
    for split in (Split.VALID, Split.TEST):
        assert figures(tmp_path)[split.label] == figures(run)[split.label]
    changed = train(tmp_path, "--resume", "--set=model.units=7")
    assert changed.exit_code == 1
    assert "expected the run's own model.units=6, found 7" in changed.output.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--valid", "later.csv"], 1, "later.csv"),
        (["--set=model.dynamic=3"], 2, "model.dynamic"),
        (["--set=data.min_item_events=5000"], 1, "events"),
    ],
)
def test_bad_settings_end_in_one_line(arguments: list[str], code: int, said: str, tmp_path: Path) -> None:
    result = train(tmp_path, *arguments)
    assert result.exit_code == code
    assert said in result.output.splitlines()[-1]
