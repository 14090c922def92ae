"""Figures go to a file, or alone to standard output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from rrn_tf.cli.main import main
from rrn_tf.cli.options import json_option, write_json

FIGURES = {"n": 3, "name": "\u00e4"}


@click.command()
@json_option
def counted(json_file: str | None) -> None:
    """Prints in every way that commands print, and writes figures."""
    from rich.console import Console

    click.echo("by click")
    Console().print("by rich")
    click.echo("a warning", err=True)
    write_json(json_file, FIGURES)


def run(folder: Path, *arguments: str) -> Result:
    with CliRunner().isolated_filesystem(folder):
        result = CliRunner().invoke(counted, arguments)
        assert not Path("-").exists()
    assert result.exit_code == 0, result.output
    return result


def test_a_dash_leaves_standard_output_to_the_figures(tmp_path: Path) -> None:
    result = run(tmp_path, "--json", "-")
    assert json.loads(result.stdout) == FIGURES
    assert result.stderr.splitlines() == ["by click", "by rich", "a warning"]


def test_without_it_and_with_a_file_the_command_prints_as_ever(tmp_path: Path) -> None:
    file = tmp_path / "made" / "figures.json"
    for arguments in ((), ("--json", str(file))):
        result = run(tmp_path, *arguments)
        assert result.stdout.splitlines() == ["by click", "by rich"]
        assert result.stderr.splitlines() == ["a warning"]
    assert json.loads(file.read_text()) == FIGURES


def commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from commands(command)
        else:
            yield command


@pytest.mark.parametrize("command", commands(main), ids=lambda command: command.name)
def test_every_command_writes_figures(command: click.Command) -> None:
    (option,) = (option for option in command.params if option.name == "json_file")
    assert isinstance(option.type, click.Path)
    assert option.type.allow_dash
