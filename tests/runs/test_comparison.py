"""`rrn baselines`: every baseline on one split."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rrn_tf.cli import main
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import config_from_dict
from rrn_tf.features import Side
from rrn_tf.runs.comparison import compare_events
from tests.events import uniform_events

EVENTS = "synthetic-events:users=25,items=40,events=1500"
FEW = ("--set=data.min_item_events=2", "--set=data.min_user_entropy=0")


def rrn(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.slow
def test_ratings_of_a_run_with_its_network(tmp_path: Path) -> None:
    data = "synthetic:users=80,items=40,ratings=1500,days=90"
    trained = rrn("train", "--data", data, "--output", str(tmp_path / "run"), "--set=training.epochs=1")
    assert trained.exit_code == 0, trained.output
    result = rrn("baselines", "--run", str(tmp_path / "run"), "--json", str(tmp_path / "rows.json"))
    assert result.exit_code == 0, result.output
    rows = {row["model"]: row for row in json.loads((tmp_path / "rows.json").read_text())["rows"]}
    assert rows.keys() == {"RRN", "global mean", "user+item bias", "PMF", "I-AutoRec", "U-AutoRec"}
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert rows["RRN"]["rmse"] == pytest.approx(metrics["test"]["frozen"]["rmse"], rel=1e-5)
    assert rows["RRN"]["difference"] is None
    assert len({row["n"] for row in rows.values()}) == 1


@pytest.mark.slow
def test_events_of_runs_with_their_networks(tmp_path: Path) -> None:
    settings = [*FEW, "--set=training.epochs=2", "--set=model.units=5", "--set=training.patience=0"]
    runs = {"s0": "training.seed=0", "s1": "training.seed=1", "pooled": "model.pooled=true"}
    for name, own in runs.items():
        output = str(tmp_path / name)
        trained = rrn("train", "--model", "crnn", "--data", EVENTS, "--output", output, *settings, f"--set={own}")
        assert trained.exit_code == 0, trained.output

    def compared(*arguments: str) -> dict[str, Any]:
        result = rrn("baselines", "--model", "crnn", *arguments, "--json", str(tmp_path / "rows.json"))
        assert result.exit_code == 0, result.output
        found = json.loads((tmp_path / "rows.json").read_text())
        return {"printed": result.output, "means": found["means"], **{row["model"]: row for row in found["rows"]}}

    metrics = {name: json.loads((tmp_path / name / "metrics.json").read_text()) for name in runs}
    given = [f"--run={tmp_path / name}" for name in runs]
    for protocol in ("clean", "interleaved"):
        found = compared(*given, "--no-networks", "--protocol", protocol)
        losses = {name: metrics[name]["test"][protocol]["nll"] for name in runs}
        for row, name in (("C-GRU s0", "s0"), ("C-GRU s1", "s1"), ("P-GRU", "pooled")):
            assert found[row]["nll"] == pytest.approx(losses[name], rel=1e-5)
        assert found["P-GRU"]["difference"] == pytest.approx(losses["pooled"] - losses["s0"], rel=1e-3)
        error = abs(losses["s0"] - losses["s1"]) / 2
        mean = {"runs": 2, "nll": (losses["s0"] + losses["s1"]) / 2, "standard_error": error}
        assert found["means"] == {"C-GRU": pytest.approx(mean, rel=1e-3)}
        assert "C-GRU, mean of 2 runs" in found["printed"]
        assert "C-tanh" not in found

    # What a run has is not trained again; what is trained is what a run of that form would be.
    beside = compared(given[0])
    assert beside["means"] == {}
    assert beside["C-GRU"]["nll"] == pytest.approx(metrics["s0"]["test"]["clean"]["nll"], rel=1e-5)
    assert beside["P-GRU"]["nll"] == pytest.approx(metrics["pooled"]["test"]["clean"]["nll"], rel=1e-5)
    assert beside["P-GRU"]["parameters"] < beside["C-tanh"]["parameters"] < beside["C-GRU"]["parameters"]
    assert all(beside[form]["seconds"] > 0 for form in ("C-GRU", "P-GRU", "C-tanh"))
    assert beside["printed"].count("epoch   2") == 2

    other = tmp_path / "other"
    shutil.copytree(tmp_path / "s0", other)
    vocabulary = other / "sequences" / Side.ITEM.vocabulary_file
    vocabulary.write_text("another\n" + vocabulary.read_text().split("\n", 1)[1])
    refused = rrn("baselines", "--model", "crnn", given[0], f"--run={other}")
    assert refused.exit_code == 1
    assert "expected the events and the split of" in refused.output.splitlines()[-1]


@pytest.mark.slow
def test_events_without_a_run_have_every_network() -> None:
    settings = {"model": {"units": 3}, "training": {"epochs": 1, "chunk": 8}}
    config = config_from_dict(settings, CollaborativeConfig)
    told: list[str] = []
    rows = {row.model: row for row in compare_events(uniform_events(0), "clean", [], config, 0, told.append)}
    assert told[:4] == ["C-GRU", "P-GRU", "C-tanh", "uniform"]
    assert sorted(told) == sorted(rows)
    assert [name for name, row in rows.items() if row.difference is None] == ["C-GRU"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "expected one of --data and --run"),
        (("--data", "a.csv", "--run", "b"), 2, "expected one of --data and --run"),
        (("--data", "nowhere.csv"), 1, "nowhere.csv"),
        (("--run", "nowhere", "--model", "crnn"), 1, "nowhere: expected a run directory"),
        (("--run", "a", "--run", "b"), 2, "expected one --run of ratings, found 2"),
        (("--run", "a", "--config", "paper-imdb"), 2, "--config is for --data"),
    ],
)
def test_bad_arguments_end_in_one_line(arguments: tuple[str, ...], code: int, said: str) -> None:
    result = rrn("baselines", *arguments)
    assert result.exit_code == code
    assert said in result.output.splitlines()[-1]
