"""`rrn bench` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rrn_tf.bench.load import Load, load_in_memory, netflix_like
from rrn_tf.cli.main import main


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["bench", *map(str, arguments)])


@pytest.mark.parametrize("command", sorted(main.commands["bench"].commands))
def test_help_has_an_example(command: str) -> None:
    result = bench(command, "--help")
    assert result.exit_code == 0
    assert f"Example:\n    rrn bench {command} " in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--ratings", "51", "--users", "10", "--items", "10"], 1, "at most half of users x items, found 51"),
        (["--ratings", "0"], 2, "0 is not in the range"),
        (["--sitting", "0.5"], 2, "0.5 is not in the range"),
        (["--user-granularity", "soon"], 2, "expected a duration such as 30min, 1d, 7d or 2mo, found 'soon'"),
    ],
)
@pytest.mark.parametrize("command", ["prepare", "rrn"])
def test_bad_loads_end_in_one_line(command: str, arguments: list[str], code: int, said: str) -> None:
    result = bench(command, *arguments)
    assert result.exit_code == code
    assert said in result.output.splitlines()[-1]
    assert "Traceback" not in result.output


@pytest.mark.slow
def test_prepare_writes_its_figures(tmp_path: Path) -> None:
    options = ("--ratings", 4_000, "--users", 200, "--items", 100, "--seed", 5, "--item-granularity", "10d")
    result = bench("prepare", *options, "--json", tmp_path / "figures.json")
    assert result.exit_code == 0, result.output
    assert [line.split(" ")[0] for line in result.output.splitlines()] == ["load", "", "prepare", "rows", "limit"]
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["ratings_per_second"] == pytest.approx(4_000 / figures["seconds"])
    assert 0 < figures["limit_ratio"] < 1
    assert figures["limit_ratio"] == pytest.approx(sum(figures["limit"].values()) / figures["seconds"])
    assert figures["peak_memory_bytes"] > 2**26
    assert {"rrn_tf", "apache-beam"} <= figures["versions"].keys()
    assert figures["seed"] == 5
    load = figures["load"]
    assert (load["ratings"], load["users"], load["items"], load["sitting"]) == (4_000, 200, 100, 5.2)
    assert (load["user_granularity"], load["item_granularity"]) == ("1d", "10d")
    sequences = load_in_memory(Load(netflix_like(4_000, 200, 100, seed=5), "1d", "10d"))
    assert figures["rows"] == {"user": sequences.user.num_rows, "item": sequences.item.num_rows}
