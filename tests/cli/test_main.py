"""The command line as a user meets it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import click
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from rrn_tf.cli import kinds
from rrn_tf.cli.main import main
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.config import DataConfig
from rrn_tf.console.tables import print_prepared
from rrn_tf.data.items import items_of, titles
from rrn_tf.data.metadata import EntityCounts, SequenceMetadata
from rrn_tf.data.synthetic import SyntheticConfig, generate
from rrn_tf.evaluation import protocols
from rrn_tf.serving.empty_answers import why_nothing
from rrn_tf.serving.saved_rrn import SavedRRN
from rrn_tf.training.listeners import EpochRecord

pytestmark = pytest.mark.usefixtures("models_load_once")


def rrn(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_protocols_and_defaults_are_those_of_the_library() -> None:
    assert kinds.PROTOCOLS == protocols.PROTOCOLS
    (option,) = (option for option in main.commands["score"].params if option.name == "max_bad_share")
    assert option.default == DataConfig.max_bad_share == EventDataConfig.max_bad_share


@pytest.mark.parametrize("command", sorted(main.commands))
def test_help_has_an_example(command: str) -> None:
    result = rrn(command, "--help")
    assert result.exit_code == 0
    assert f"Example:\n    rrn {command} " in result.output


def options_without_help(command: click.Command) -> list[str]:
    below = command.commands.values() if isinstance(command, click.Group) else ()
    own = [option for option in command.params if isinstance(option, click.Option) and not option.help]
    return [f"{command.name} {option.opts[0]}" for option in own] + [
        one for c in below for one in options_without_help(c)
    ]


def test_every_option_has_a_help_text() -> None:
    assert options_without_help(main) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["train", "--data", "nowhere.csv", "--output", "x"], 1, "nowhere.csv: expected"),
        (["train", "--data", "synthetic:planets=9", "--output", "x"], 1, "planets"),
        (["train", "--data", "synthetic", "--output", "x", "--set", "training.epochs=some"], 2, "training.epochs"),
        (["train", "--data", "synthetic", "--output", "x", "--config", "nothing"], 2, "no such configuration"),
        (["predict", "--model", "x", "--queries", "q.csv", "--output", "p.csv"], 1, "expected a SavedModel"),
        (["predict", "--model", "x", "--queries", "nowhere.csv", "--output", "p.csv"], 1, "found no such file"),
        (["recommend", "--model", "x", "--user", "1", "-k", "0"], 2, "0 is not in the range"),
        (["update", "--model", "x", "--data", "q.csv", "--output", "y"], 1, "expected a SavedModel"),
        (["train"], 2, "Missing option"),
        (
            ["train", "--data", "q.csv", "--output", "x", "--items", "no.csv"],
            1,
            "no.csv: --items: expected a file of items",
        ),
        (
            ["train", "--data", "q.csv", "--output", "x", "--items", "q.txt"],
            1,
            "q.txt:1: --items: expected a line of names",
        ),
    ],
)
def test_bad_input_ends_in_one_line(
    arguments: list[str], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.csv").write_text("user_id,item_id,rating,timestamp\n")
    (tmp_path / "q.txt").write_text("user\n")
    result = rrn(*arguments)
    assert result.exit_code == code
    assert said in result.output.splitlines()[-1]
    assert "Traceback" not in result.output


@pytest.mark.slow
def test_train_predict_evaluate_recommend(tmp_path: Path) -> None:
    ratings = generate(SyntheticConfig(users=100, items=50, ratings=2_000, days=90, seed=3))
    frame = pd.DataFrame(
        {
            "user_id": ratings.user_id,
            "item_id": ratings.item_id,
            "rating": ratings.rating,
            "timestamp": ratings.timestamp,
        }
    )
    early = frame.timestamp < frame.timestamp.quantile(0.7)
    frame[early].to_csv(tmp_path / "ratings.csv", index=False)
    frame[~early].to_csv(tmp_path / "later.csv", index=False)
    small = [
        f"--set={setting}"
        for setting in ("training.epochs=1", "model.units=4", "model.embedding=4", "model.ensemble=2")
    ]
    (tmp_path / "items.csv").write_text("item_id,title\ni1,[One]\nnone,None\n")
    few = ("--output", tmp_path / "run", "--items", tmp_path / "items.csv", "--json", tmp_path / "t.json", *small)
    result = rrn("train", "--data", tmp_path / "ratings.csv", *few)
    assert result.exit_code == 0, result.output
    assert re.search(r"1 of \d\d items of the data are described; 1 described item is not in the data", result.output)
    run = tmp_path / "run"
    assert result.output.splitlines()[-1] == f"report  rrn report --run {run} --output {run}/report"
    figures = json.loads((tmp_path / "t.json").read_text())
    assert {"rmse", "mae", "n"} <= figures["test"]["frozen"].keys()
    assert {"peak_memory_bytes", "versions", "seed"} <= figures.keys()
    assert figures["ratings"]["train"] + sum(
        figures[s]["frozen"]["n"] for s in figures["ratings"] if s in figures and s != "train"
    ) == int(early.sum())

    later = ("--model", tmp_path / "run")
    result = rrn("predict", *later, "--queries", tmp_path / "later.csv", "--output", tmp_path / "p.csv")
    assert result.exit_code == 0, result.output
    predicted = pd.read_csv(tmp_path / "p.csv")
    assert predicted.prediction.notna().all()
    assert predicted.user_id.tolist() == frame[~early].user_id.tolist()

    result = rrn("evaluate", *later, "--data", tmp_path / "later.csv", "--json", tmp_path / "e.json")
    assert result.exit_code == 0, result.output
    evaluated = json.loads((tmp_path / "e.json").read_text())
    assert sum(evaluated[s]["frozen"]["n"] for s in ("test", "test_cold") if s in evaluated) == int((~early).sum())

    result = rrn("evaluate", *later, "--data", tmp_path / "later.csv", "--protocol", "streaming")
    assert result.exit_code == 0, result.output
    assert "streaming" in result.output
    for option, said in (
        (("--metrics", "nll"), "--metrics and --new-only are for events, found a model of ratings"),
        (("--new-only",), "--metrics and --new-only are for events, found a model of ratings"),
        (("--relevant-from", "4"), "--relevant-from is for lists of a model of ratings, with --top-k"),
    ):
        result = rrn("evaluate", *later, "--data", tmp_path / "later.csv", *option)
        assert result.exit_code == 2
        assert said in result.output.splitlines()[-1]

    result = rrn("recommend", *later, "--user", "u1", "-k", "3", "--json", tmp_path / "r.json")
    assert result.exit_code == 0, result.output
    items = json.loads((tmp_path / "r.json").read_text())["items"]
    assert len(items) == 3
    assert [item["score"] for item in items] == sorted((item["score"] for item in items), reverse=True)

    update = (
        "update",
        "--data",
        tmp_path / "later.csv",
        "--output",
        tmp_path / "updated",
        "--json",
        tmp_path / "u.json",
    )
    result = rrn(*update, "--model", tmp_path / "run")
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "u.json").read_text())
    later_than_training = int((frame[~early].timestamp >= SavedRRN(tmp_path / "run").cutoff).sum())
    assert figures["ratings"] == later_than_training
    assert figures == json.loads((tmp_path / "updated" / "update.json").read_text())
    assert SavedRRN(tmp_path / "updated").until == frame.timestamp.max() + 1
    assert titles(items_of(tmp_path / "updated")) == {"i1": "[One]", "none": "None"}
    result = rrn(*update, "--model", tmp_path / "updated")  # in place, and nothing new
    assert result.exit_code == 0, result.output
    assert f"{later_than_training:,} ratings left out: duplicates" in result.output


@pytest.mark.slow
def test_a_validation_file_takes_the_place_of_the_split(tmp_path: Path) -> None:
    ratings = generate(SyntheticConfig(users=60, items=30, ratings=700, days=90, seed=3))
    columns = zip(ratings.user_id, ratings.item_id, ratings.rating, ratings.timestamp, strict=True)
    lines = [",".join(map(str, row)) for row in columns]
    for name, part in (("train", lines[:500]), ("valid", lines[500:])):
        (tmp_path / f"{name}.csv").write_text("\n".join(["user_id,item_id,rating,timestamp", *part]) + "\n")
    result = rrn(
        "train", "--data", tmp_path / "train.csv", "--valid", tmp_path / "valid.csv", "--output", tmp_path / "run",
        "--set", "training.epochs=1", "--set", "model.ensemble=1", "--json", tmp_path / "t.json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    counts = json.loads((tmp_path / "t.json").read_text())["ratings"]
    assert counts["train"] == 500
    assert counts["test"] == counts["test_cold"] == 0
    assert counts["valid"] + counts["valid_cold"] == 200


def test_settings_of_the_other_model_are_told(tmp_path: Path) -> None:
    result = rrn("train", "--data", "synthetic", "--output", tmp_path / "x", "--config", "crnn-plus")
    assert result.exit_code == 2
    assert result.output == "Error: crnn-plus: expected settings of --model rrn, found those of --model crnn\n"


def test_commands_refuse_models_that_they_cannot_use(event_run: Path, rating_run: Path, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("user_id,item_id,timestamp\nu1,i1,1250000000\n")
    asked = ("--queries", tmp_path / "q.csv", "--output", tmp_path / "o.csv")
    for command in ("predict", "score"):
        result = rrn(command, "--model", event_run, *asked)
        assert result.exit_code == 1
        assert "expected a model of ratings (RRN), found a model of events" in result.output.splitlines()[-1]
    result = rrn("recommend", "--model", event_run, "--user", "u1", "-k", "2")
    assert result.exit_code == 0, result.output
    assert [path.name for path in tmp_path.iterdir()] == ["q.csv"]


def test_an_empty_answer_says_why(rating_run: Path) -> None:
    saved = SavedRRN(rating_run)
    assert why_nothing(saved, "whale").startswith("user 'whale': nothing to recommend, since the user has rated all ")
    assert "each item that is a candidate and not excluded" in why_nothing(saved, "whale", limited=True)


def test_nothing_held_out_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    record = EpochRecord(1, 1.0, 1.0, float("inf"), 0.1, 0.1, best=True)
    assert record.summary().startswith("epoch   1  train 1.0000  not validated *")
    assert "  valid 0.5000 *" in replace(record, valid_rmse=0.5).summary()
    counts = EntityCounts(2, 2)
    print_prepared(SequenceMetadata(9, 1, 1, 0.0, 1.0, 3.0, 1.0, 5.0, counts, counts, {"train": 3}))
    assert "nothing is held out for validation: " in capsys.readouterr().out
