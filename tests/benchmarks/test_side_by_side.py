from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks import side_by_side
from benchmarks.side_by_side import main, run_authors

# Prints as the authors' program does, and keeps what it was called with.
PROGRAM = """
import sys
open("called.txt", "w").write("\\n".join(sys.argv[1:]))
print("log-loss: 9.000 speed: 5 wps")
for epoch, loss in ((1, 6.5), (2, 5.25), (3, 5.75)):
    print("Epoch {}, train log-loss: 1.000".format(epoch))
    print("Epoch {}, valid log-loss: {:.3f}".format(epoch, loss))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in (("crnn.py", PROGRAM), ("train.txt", "1 1 1\n1 1 2\n"), ("valid.txt", "1 1 3\n")):
        (tmp_path / name).write_text(text)
    return tmp_path


def compared(checkout: Path, *more: str) -> Any:
    files = [str(checkout / name) for name in ("train.txt", "valid.txt")]
    return CliRunner().invoke(main, [*files, "--checkout", str(checkout), "--python", sys.executable, *more])


def test_both_run_in_turn_with_the_same_settings(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[list[str], int]] = []

    def ours(arguments: list[str], seed: int) -> dict[str, Any]:
        asked.append((arguments[2:], seed))
        return {"nll": 5.0 + seed, "epoch_seconds": [1.0, 2.0, 4.0], "load": 0.5}

    monkeypatch.setattr(side_by_side, "run_ours", ours)
    wide = "training.users_per_batch=50"
    more = ("--set=training.epochs=3", "--variant", wide, "--rounds", "2", "--json", str(checkout / "a.json"))
    result = compared(checkout, *more)
    assert result.exit_code == 0, result.output
    called = (checkout / "called.txt").read_text().splitlines()
    assert called[:2] == [str(checkout / "train.txt"), str(checkout / "valid.txt")]
    assert {"--hidden-size=32", "--batch-size=20", "--rho=0.997", "--num-epochs=3"} < set(called)
    common = ["--config=paper-brightkite", "--set=training.epochs=3"]
    assert asked == [(own, seed) for seed in (0, 1) for own in (common, [*common, f"--set={wide}"])]
    authors, mine, variant = (line.split() for line in result.output.splitlines()[-3:])
    assert authors[:4] == ["authors", "5.250", "5.250", "5.250"]
    assert mine[:6] == ["rrn_tf", "5.500", "5.000", "6.000", "1.00", "2.00"]
    assert variant[:2] == ["rrn_tf", wide]
    runs = json.loads((checkout / "a.json").read_text())["runs"]
    assert [len(run["epoch_seconds"]) for run in runs["authors"]] == [2, 2]


def test_a_program_that_fails_is_told_of_in_one_line(checkout: Path) -> None:
    (checkout / "crnn.py").write_text("raise SystemExit('no TensorFlow')")
    with pytest.raises(RuntimeError, match="expected epochs of the authors' program, found no TensorFlow"):
        run_authors(sys.executable, checkout, [])


@pytest.mark.parametrize(
    ("setting", "code", "said"),
    [
        ("--set=model.activation=tanh", 1, "model.activation: expected sigmoid"),
        ("--set=training.selection=clean", 1, "training.selection: expected interleaved"),
        ("--variant=model.units=0", 2, "model.units"),
    ],
)
def test_what_their_program_cannot_do_is_refused(checkout: Path, setting: str, code: int, said: str) -> None:
    result = compared(checkout, setting)
    assert result.exit_code == code
    assert said in result.output.splitlines()[-1]
