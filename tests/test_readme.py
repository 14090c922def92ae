"""What the README shows works as shown."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import click
import pytest

from rrn_tf.cli.main import main

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
COMMANDS = (Path(__file__).parents[1] / "docs" / "commands.md").read_text(encoding="utf-8")
QUICKSTART = Path(__file__).parents[1] / "examples" / "quickstart.py"
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_commands_exist_with_the_options_shown() -> None:
    commands = re.findall(r"^ +rrn ([\w-]+) (.*?)(?: {2,}#.*)?$", README + COMMANDS, re.MULTILINE)
    assert len(commands) >= 5
    for name, arguments in commands:
        command = main.commands[name]
        if isinstance(command, click.Group):
            command = command.commands[arguments.split()[0]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"(?<!\S)--?[a-z][\w-]*", arguments)) <= known, name


def test_files_and_targets_exist() -> None:
    root = Path(__file__).parents[1]
    for path in re.findall(r"\]\(([\w./]+)\)", README):
        assert (root / path).exists(), path
    makefile = (root / "Makefile").read_text()
    for target in re.findall(r"^ +make ([\w-]+)", README, re.MULTILINE):
        assert f"\n{target}:" in makefile


def test_signatures_are_those_that_are_exported() -> None:
    serving = Path(__file__).parents[1] / "rrn_tf" / "serving"
    exported = "".join((serving / name).read_text() for name in ("export.py", "export_events.py"))
    for name in re.findall(r"^\| `(\w+)` \| `", README, re.MULTILINE):
        assert f'"{name}": module.' in exported


def test_quickstart_is_short() -> None:
    assert len(QUICKSTART.read_text(encoding="utf-8").splitlines()) < 60


@pytest.mark.slow
def test_quickstart_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(QUICKSTART), run_name="__main__")
    told = capsys.readouterr().out
    assert re.search(r"taken in: \d+ ratings, nothing retrained", told)
    assert (tmp_path / "quickstart_model" / "model" / "saved_model.pb").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_python_runs(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(BLOCKS[number], f"README.md, block {number}", "exec"), {})
