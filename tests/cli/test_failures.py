"""Every exception of a command is one line; `--debug` shows where it was raised."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from rrn_tf.cli.failures import add_debug, line_of
from rrn_tf.cli.main import main
from rrn_tf.cli.options import one_line_errors
from rrn_tf.config import parse_duration


def raised(function: Callable[[], object]) -> Exception:
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("expected an exception")


def run(raising: Callable[[], object], *arguments: str) -> Result:
    """Runs a command that does what `raising` does."""

    @click.command()
    def command() -> None:
        with one_line_errors("interrupted: go on so"):
            raising()

    add_debug(command)
    return CliRunner().invoke(command, arguments)


def full_disk() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def of_tensorflow() -> None:
    raise RuntimeError("x/variables; No space left on device [Op:SaveV2]")


def of_records() -> None:
    raise LookupError("Cannot create node for type_id: 17Error when executing query: database or disk is full")


def of_records_taken_back() -> None:
    raise LookupError("Error when executing query: cannot commit - no transaction is active query: COMMIT;")


def of_beam() -> None:
    parse_error = RuntimeError("OSError: [Errno 28] No space left on device [while running 'Write']\nTraceback")
    try:
        parse_duration("soon")
    except ValueError as error:
        raise parse_error.with_traceback(error.__traceback__) from None


def no_such_place() -> None:
    list[int]().pop(1)


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("raising", "said"),
    [
        (lambda: parse_duration("soon"), "expected a duration such as 30min, 1d, 7d or 2mo, found 'soon'"),
        (full_disk, "no space left on device: free some space, or write to another disk"),
        (of_tensorflow, "no space left on device: free some space, or write to another disk"),
        (of_beam, "no space left on device: free some space, or write to another disk"),
        (of_records, "no space left on device: free some space, or write to another disk"),
        (of_records_taken_back, "no space left on device: free some space, or write to another disk"),
        (lambda: Path("/nowhere/a.csv").read_text(), "/nowhere/a.csv: no such file or directory"),
        (no_such_place, "unexpected IndexError: pop from empty list (--debug shows where)"),
        (
            lambda: int("a\nb"),
            "unexpected ValueError: invalid literal for int() with base 10: 'a\\nb' (--debug shows where)",
        ),
    ],
)
def test_an_exception_is_one_line(raising: Callable[[], object], said: str) -> None:
    assert line_of(raised(raising)) == said
    result = run(raising)
    assert (result.exit_code, result.output) == (1, f"Error: {said}\n")


def test_a_full_disk_is_told_with_what_is_free(tmp_path: Path) -> None:
    @click.command()
    @click.option("--output")
    def command(output: str) -> None:
        with one_line_errors():
            full_disk()

    said = CliRunner().invoke(command, ["--output", str(tmp_path / "not" / "there")]).output
    assert said.startswith("Error: no space left on device: free some space, or write to another disk (free now: ")
    assert f" MB in {tmp_path}" in said
    assert said.count("\n") == 1


def test_words_of_beam_are_left_out() -> None:
    assert line_of(ValueError("a.csv:1: no rating [while running 'Read']\nTraceback")) == "a.csv:1: no rating"


def test_debug_raises_the_exception_itself() -> None:
    result = run(no_such_place, "--debug")
    assert isinstance(result.exception, IndexError)


def test_an_interruption_says_how_to_go_on() -> None:
    result = run(interrupt)
    assert (result.exit_code, result.output) == (130, "interrupted: go on so\n")


def test_every_command_has_the_option() -> None:
    commands = [*main.commands.values()]
    for command in commands:
        if isinstance(command, click.Group):
            commands += command.commands.values()
        else:
            assert [option.name for option in command.params].count("debug") == 1, command.name
