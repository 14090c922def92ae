"""Helpers of all `rrn` commands: examples, shared options, the configuration and one-line errors."""

from __future__ import annotations

import functools
import json
import shlex
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rrn_tf.cli.failures import debugging, line_of
from rrn_tf.files import only_writer_of_file, write_whole

if TYPE_CHECKING:
    from rrn_tf.config import AnyConfig

FAILURE = 1
INTERRUPTED = 130  # what shells report of a program that Ctrl-C ended
CONFIG_HELP = "Settings: a YAML file or the name of a preset."
AT_HELP = "A year, a date or time (ISO; UTC without a zone), or unix seconds. Default: after the latest data."
SET_HELP = "Overrides one setting; may be repeated."


class InputError(click.ClickException):
    """An error that prints one line on standard error and exits with code 1."""

    exit_code = FAILURE


class SettingError(click.ClickException):
    """An error in `--config` or `--set`, which prints one line and exits with code 2, as any wrong option does."""

    exit_code = click.UsageError.exit_code


def example(*lines: str) -> str:
    """Returns the end of a command's help: command lines as examples."""
    return "\n  ".join(("\b\nExample:", *lines))


def json_option(command: Callable[..., None]) -> Callable[..., None]:
    """Adds `--json FILE`, passed as `json_file`, which no other command may write to in the meantime."""

    @functools.wraps(command)
    def alone(*, json_file: str | None, **others: Any) -> None:
        with one_line_errors(), only_writer_of_file(json_file):
            command(json_file=json_file, **others)

    return click.option(
        "--json", "json_file", type=click.Path(dir_okay=False), help="Also writes the figures to this file."
    )(alone)


def max_bad_share_option(command: Callable[..., None]) -> Callable[..., None]:
    """Adds `--max-bad-share`, which limits rejected rows as `data.max_bad_share` does in training."""
    return click.option(
        "--max-bad-share",
        default=0.01,
        show_default=True,
        type=click.FloatRange(0, 1),
        help="Fails if a larger fraction of the rows is rejected.",
    )(command)


def beam_options(text: str) -> list[str]:
    """Returns the options of `--beam-args`, which are checked.

    Raises:
      ValueError: for an open quotation mark, or options that Beam does not know.
    """
    try:
        options = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"--beam-args: {str(error).lower()}: {text}") from None
    if options:
        from rrn_tf.beam.pipelines import check_beam_args

        check_beam_args(options)
    return options


def write_json(path: str | None, values: dict[str, Any]) -> None:
    """Writes the printed figures to the file of `--json`, if one was given."""
    if path:
        write_whole(Path(path), json.dumps(values, indent=2) + "\n")


def resolved_config(name: str | None, overrides: tuple[str, ...], kind: type[AnyConfig]) -> AnyConfig:
    """Returns the configuration by `--config` and `--set`; prints renamed settings, and raises `SettingError`."""
    from rrn_tf.config import ConfigError, RenamedSettingWarning, load_config

    # The command line hides all other warnings.
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", RenamedSettingWarning)
        try:
            return load_config(name, overrides, kind)
        except ConfigError as error:
            raise SettingError(str(error)) from None
        finally:
            for line in dict.fromkeys(str(warning.message) for warning in told):
                click.echo(line, err=True)


def understood_time(text: str | None) -> int | None:
    """Returns the unix seconds of `--at`, after telling how the time was understood; None without one.

    Raises:
      ValueError: in one line, for text that is no time.
    """
    if text is None:
        return None
    from rrn_tf.times import parse_time, utc_text

    try:
        seconds = parse_time(text)
    except ValueError as error:
        raise ValueError(f"--at: {error}") from None
    click.echo(f"as of {utc_text(seconds)}", err=True)
    return seconds


@contextmanager
def one_line_errors(interrupted: str = "interrupted") -> Iterator[None]:
    """Turns every exception of a command into one line and exit code 1; with `--debug` it is raised as it is.

    Args:
      interrupted: what to print on Ctrl-C, whose exit code is 130.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except KeyboardInterrupt:
        click.echo(interrupted, err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except Exception as error:
        if debugging():
            raise
        raise InputError(line_of(error)) from error
