"""`rrn baselines`: every baseline on one split."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rrn_tf.baselines import standard_baselines
from rrn_tf.cli import main
from rrn_tf.config import DataConfig
from rrn_tf.data.sequences import load_sequences
from rrn_tf.features import Split
from rrn_tf.runs.comparison import compare_ratings
from tests.prepared import write_sequences

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
    answer = json.loads((tmp_path / "rows.json").read_text())
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    frozen, streaming, unseen = (
        {row["model"]: row for row in answer[protocol]}
        for protocol in ("frozen", "streaming", "streaming, unseen users and items included")
    )
    assert frozen.keys() == {"RRN", *(baseline.name for baseline in standard_baselines())}
    assert streaming.keys() == unseen.keys() == {"RRN", "online bias", "online MF"}
    for protocol, rows in (("frozen", frozen), ("streaming", streaming)):
        assert rows["RRN"]["rmse"] == pytest.approx(metrics["test"][protocol]["rmse"], rel=1e-5)
        assert {row["n"] for row in rows.values()} == {metrics["test"][protocol]["n"]}
    assert unseen["RRN"]["n"] == sum(metrics[split]["streaming"]["n"] for split in ("test", "test_cold"))
    assert frozen["RRN"]["difference"] is streaming["RRN"]["difference"] is None
    assert frozen["RRN"]["seconds"] == streaming["RRN"]["seconds"] == metrics["seconds"]["train"]
    assert frozen["RRN"]["parameters"] == streaming["RRN"]["parameters"] > 1000
    assert all(row["seconds"] >= 0 and row["parameters"] for row in frozen.values())
    for protocol in ("frozen", "streaming", "streaming, unseen users and items included"):
        assert f"{protocol}: {answer[protocol][0]['n']:,} test ratings" in result.output.splitlines()


def test_ratings_without_a_test_split_are_refused_at_once(tmp_path: Path) -> None:
    columns = (["u", "v", "u"], ["i", "i", "i"], [1, 2, 3], [1, 2, 300_000], [Split.TRAIN, Split.TRAIN, Split.VALID])
    sequences = load_sequences(write_sequences(*columns, tmp_path, DataConfig(shards=1)))
    with pytest.raises(ValueError, match="should have test ratings, found none"):
        compare_ratings(sequences, None, 0, pytest.fail)


@pytest.mark.slow
def test_events_of_a_run_with_its_network(tmp_path: Path) -> None:
    settings = [*FEW, "--set=training.epochs=2", "--set=model.units=5"]
    trained = rrn("train", "--model", "crnn", "--data", EVENTS, "--output", str(tmp_path / "run"), *settings)
    assert trained.exit_code == 0, trained.output
    for protocol in ("clean", "interleaved"):
        asked = ("--model", "crnn", "--run", str(tmp_path / "run"), "--protocol", protocol)
        result = rrn("baselines", *asked, "--json", str(tmp_path / "rows.json"))
        assert result.exit_code == 0, result.output
        rows = {row["model"]: row for row in json.loads((tmp_path / "rows.json").read_text())["rows"]}
        metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
        assert rows["C-RNN"]["nll"] == pytest.approx(metrics["test"][protocol]["nll"], rel=1e-5)
        assert len(rows) > 6


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "expected one of --data and --run"),
        (("--data", "a.csv", "--run", "b"), 2, "expected one of --data and --run"),
        (("--data", "nowhere.csv"), 1, "nowhere.csv"),
        (("--run", "nowhere", "--model", "crnn"), 1, "nowhere"),
    ],
)
def test_bad_arguments_end_in_one_line(arguments: tuple[str, ...], code: int, said: str) -> None:
    result = rrn("baselines", *arguments)
    assert result.exit_code == code
    assert said in result.output.splitlines()[-1]
