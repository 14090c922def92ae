"""Text of users is printed as it is, in tables, lines and bars."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from rrn_tf.console.progress import PlainLines
from rrn_tf.console.tables import print_prepared, print_recommendations, print_slices
from rrn_tf.console.terminal import terminal
from rrn_tf.data.metadata import EntityCounts, SequenceMetadata
from rrn_tf.times import LAST_SECOND

IDS = ["[/]", ":smile:", r"\[z]", "[bold]b[/bold]", "x" * 1_000]
ROOT = Path(__file__).parents[2]


def test_ids_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_recommendations([(item, 1.0) for item in IDS])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if line.endswith(" 1.0000  ")] == IDS
    print_recommendations([("7", 1.0), ("8", 0.5)], titles={"7": "[b] :smile: [/]"})
    assert [line.split() for line in capsys.readouterr().out.splitlines()[-3:]][:2] == [
        ["1", "7", "[b]", ":smile:", "[/]", "1.0000"],
        ["2", "8", "0.5000"],
    ]
    print_slices({"[a]": [{"slice": item, "n": 1} for item in IDS]})
    printed = capsys.readouterr().out.split()
    assert [word for word in printed if word in IDS] == IDS
    PlainLines(terminal()).on_stage(" ".join(IDS[:4]))
    assert capsys.readouterr().out.split() == IDS[:4]


def test_a_cutoff_in_the_future_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for cutoff, told in ((1_200_000_000, False), (LAST_SECOND + 1, True)):
        print_prepared(
            SequenceMetadata(cutoff, 1, 1, 0.0, 1.0, 3.0, 1.0, 5.0, EntityCounts(1, 1), EntityCounts(1, 1), {})
        )
        assert ("the cutoff lies in the future" in capsys.readouterr().out) == told


def test_there_is_one_terminal() -> None:
    """No other module opens a console, which would parse markup by default."""
    for file in (file for folder in ("rrn_tf", "components", "pipeline") for file in (ROOT / folder).rglob("*.py")):
        calls = [node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
        names = {getattr(function, "id", getattr(function, "attr", "")) for function in calls}
        assert ("Console" in names) == (file.name == "terminal.py"), file
