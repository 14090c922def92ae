"""The commands of docs/windows.md, on small files in the published layouts."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rrn_tf.cli.main import main
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import Config, load_config
from rrn_tf.data.items import items_of
from rrn_tf.data.paper_sets import SETS
from rrn_tf.data.paper_source import FOLDER_VARIABLE
from rrn_tf.times import parse_time
from tests.published import WRITE, write_movietweetings

PAGE = (Path(__file__).parents[1] / "docs" / "windows.md").read_text(encoding="utf-8")
COMMANDS = [shlex.split(line) for line in re.findall(r"^ {4}rrn (.*)$", PAGE, re.MULTILINE)]
TRAININGS = [arguments[1:] for arguments in COMMANDS if arguments[0] == "train"]
# The comparisons and reports of a run, by its directory.
AFTERWARDS = [arguments for arguments in COMMANDS if arguments[0] != "train" and arguments[0] in main.commands]
# What makes a training small, and leaves the split, the steps and the kind of the model alone.
SMALL = {
    "rrn": ["training.epochs=1", "model.units=4", "model.embedding=4", "model.dynamic=2", "model.stationary=4"],
    "crnn": ["training.epochs=1", "model.units=4"],
}


def values_of(arguments: list[str], option: str) -> list[str]:
    return [value for name, value in itertools.pairwise(arguments) if name == option]


def of(arguments: list[str], option: str) -> str:
    (value,) = values_of(arguments, option)
    return value


def test_every_set_of_the_papers_has_a_command() -> None:
    named = {of(arguments, "--data").removeprefix("tfds:") for arguments in TRAININGS} - {"imdb.csv"}
    windows = {f"netflix_prize/{part}" for part in SETS["netflix_prize"].by_name if part != "all"}
    assert named == {*windows, "movie_tweetings/2013", "brightkite_checkins", "lastfm_1k/ids"}
    assert {name for name, *_ in COMMANDS} == {"train", "baselines", "report"}


@pytest.mark.parametrize("arguments", TRAININGS, ids=lambda arguments: of(arguments, "--output"))
def test_settings_and_windows_are_those_of_the_paper(arguments: list[str]) -> None:
    kind: type[Any] = CollaborativeConfig if "--model" in arguments else Config
    config = load_config(of(arguments, "--config"), values_of(arguments, "--set"), kind)
    known = {option for parameter in main.commands["train"].params for option in parameter.opts}
    assert {word for word in arguments if word.startswith("--")} <= known
    name, _, part_name = of(arguments, "--data").removeprefix("tfds:").partition("/")
    if name != "netflix_prize":
        return
    part = SETS[name].by_name[part_name]
    begin, cutoff, end = parse_time(part.start), config.data.split.cutoff_seconds, parse_time(part.end)
    assert end - cutoff in (30 * 86_400, 31 * 86_400)  # a month of test
    months = {"3-months": 3, "6-months": 6, "1-year": 12, "full": 72}[part_name]
    assert round((cutoff - begin) / 2_629_800) == months
    steps = (config.data.user_granularity, config.data.item_granularity)
    assert steps == {"1-year": ("1mo", "1mo"), "full": ("2mo", "2mo")}.get(part_name, ("1d", "7d"))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a command in a folder with all data sets, and returns its output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "manual"))

    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(main, list(arguments))
        assert result.exit_code == 0, result.output
        return result.output

    return invoke


@pytest.mark.slow
@pytest.mark.parametrize("arguments", TRAININGS, ids=lambda arguments: of(arguments, "--output"))
def test_commands_run_on_files_as_published(arguments: list[str], run: Callable[..., str], tmp_path: Path) -> None:
    name, _, _ = of(arguments, "--data").removeprefix("tfds:").partition("/")
    output, kind = of(arguments, "--output"), "crnn" if "--model" in arguments else "rrn"
    if name == "imdb.csv":
        rows = write_movietweetings(tmp_path / "films", users=15, items=10, begin="2011-01-01", count=300)
        columns = {"user": "user_id", "item": "item_id", "time": "timestamp"}
        rows.rename(columns=columns).to_csv("imdb.csv", index=False)
    else:
        WRITE[name](tmp_path / "manual" / name, **({"count": 3_000} if name == "netflix_prize" else {}))
    run("train", *arguments, *(word for setting in SMALL[kind] for word in ("--set", setting)))
    metrics = json.loads(Path(output, "metrics.json").read_text())
    split, protocol = ("valid", "interleaved") if kind == "crnn" else ("test", "frozen")
    assert metrics[split][protocol]["n"] > 0
    described = items_of(output)
    assert (described is not None) == (name in ("netflix_prize", "movie_tweetings"))
    for command in AFTERWARDS:
        if of(command, "--run") == output:
            run(*command)
