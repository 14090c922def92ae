"""Of two commands that write one output the second fails in one line, before it does anything else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rrn_tf.cli.main import main
from rrn_tf.files import only_writer_of_directory, only_writer_of_file


def rrn(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, where another command writes `runs`, `out.csv` and `out.json`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("user_id,item_id,rating,timestamp\nu,i,1,1\n")
    with ExitStack() as others:
        others.enter_context(only_writer_of_directory("runs"))
        for name in ("out.csv", "out.json"):
            others.enter_context(only_writer_of_file(name))
        yield tmp_path


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["train", "--data", "data.csv", "--output", "runs"], "runs"),
        (["tune", "--data", "data.csv", "--output", "runs"], "runs"),
        (["update", "--model", "x", "--data", "data.csv", "--output", "runs"], "runs"),
        (["predict", "--model", "x", "--queries", "data.csv", "--output", "out.csv"], "out.csv"),
        (["score", "--model", "x", "--queries", "data.csv", "--output", "out.csv"], "out.csv"),
        (["recommend", "--model", "x", "--users", "data.csv", "--output", "out.csv"], "out.csv"),
        (["evaluate", "--model", "x", "--data", "data.csv", "--json", "out.json"], "out.json"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_the_second_command_fails(arguments: list[str], output: str, folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    result = rrn(*arguments)
    assert result.exit_code == 1
    assert f"Error: {output}: another command is writing to it" in result.output.splitlines()[-1]
    assert sorted(folder.rglob("*")) == before


def test_recommend_tells_how_it_understood_the_time(rating_run: Path, tmp_path: Path) -> None:
    result = rrn("recommend", "--model", rating_run, "--user", "1", "--at", "20000101", "--json", tmp_path / "r.json")
    assert result.exit_code == 0, result.output
    assert "as of 2000-01-01 00:00:00 UTC" in result.output
    assert "the time asked for lies before the last rating that the model has seen: answered as of 20" in result.output
    assert json.loads((tmp_path / "r.json").read_text())["timestamp"] == 946_684_800
    result = rrn("recommend", "--model", rating_run, "--user", "1", "--at", "20001301")
    assert result.exit_code == 1
    assert "Error: --at: expected a year, an ISO date or time" in result.output.splitlines()[-1]
