"""Helpers of all `rrn` commands: examples, shared options, the configuration and one-line errors."""

from __future__ import annotations

import functools
import json
import shlex
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rrn_tf.cli.failures import debugging, line_of
from rrn_tf.files import only_writer_of_file, write_whole

if TYPE_CHECKING:
    from rrn_tf.config import AnyConfig
    from rrn_tf.data_format import DataFormat

FAILURE = 1
STANDARD_OUTPUT = "-"  # the file name that stands for it
_KEPT = "rrn_tf.standard_output"
INTERRUPTED = 130  # what shells report of a program that Ctrl-C ended
CONFIG_HELP = "Settings: a YAML file or the name of a preset."
AT_HELP = "A year, a date or time (ISO; UTC without a zone), or unix seconds. Default: after the latest data."
ITEM_LIST_HELP = "Ids separated by commas, or a file: an id per line, or a column of items. May be repeated."
ITEMS_HELP = "File of titles and other attributes of the items, kept with the model: item_id,title,... (docs/files.md)."
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
    """Adds `--json FILE`, passed as `json_file`, which no other command may write to in the meantime.

    With ``-`` the figures alone go to standard output, and everything else that the command prints to standard error.
    """

    @functools.wraps(command)
    def alone(*, json_file: str | None, **others: Any) -> None:
        click.get_current_context().meta[_KEPT] = sys.stdout
        with (
            one_line_errors(),
            only_writer_of_file(json_file),
            redirect_stdout(sys.stderr if json_file == STANDARD_OUTPUT else sys.stdout),
        ):
            command(json_file=json_file, **others)

    return click.option(
        "--json",
        "json_file",
        type=click.Path(dir_okay=False, allow_dash=True),
        help="Also writes the figures to this file; - writes them to standard output, and all else to standard error.",
    )(alone)


def item_list(values: tuple[str, ...], data_format: DataFormat, *, beside: bool = False) -> list[str] | None:
    """Returns the items of an option that takes files and ids, None without values; tells of rows it cannot use.

    Args:
      values, data_format, beside: as in `rrn_tf.data.reading.id_file.listed_ids`.
    """
    from rrn_tf.data.reading.id_file import listed_ids

    if not values:
        return None
    ids, messages = listed_ids(values, data_format, beside=beside)
    for message in messages:
        click.echo(message, err=True)
    return ids


def check_items(option: str, values: tuple[str, ...], ids: Collection[str] | None, known: Collection[str]) -> None:
    """Tells how the values of an option were understood, if they are files or name items that the model does not know.

    Args:
      option: the option's name.
      values: what it was given.
      ids: what `item_list` made of it.
      known: ids of all items that the model knows.

    Raises:
      ValueError: for a value that is both the name of a file and an item.
    """
    from rrn_tf.data.layouts import split_layout

    files = [value for value in values if Path(split_layout(value)[1]).exists()]
    if both := [value for value in files if value in known]:
        raise ValueError(f"{option} {both[0]}: expected a file or an item, found both: ./{both[0]} is the file")
    unknown = sum(name not in known for name in ids or ())
    if files or unknown:
        click.echo(f"{option}: {len(ids or ()):,} items, {unknown:,} of them unknown to the model", err=True)


def max_bad_share_option(default: float | None, told: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Returns a decorator that adds `--max-bad-share`, which limits rejected rows as `data.max_bad_share` in training.

    Args:
      default: the option's default.
      told: the end of its help text, about the default.
    """
    return click.option(
        "--max-bad-share",
        default=default,
        type=click.FloatRange(0, 1),
        help=f"Fails if a larger fraction of the rows is rejected. Default: {told}.",
    )


def beam_options(text: str) -> list[str]:
    """Returns the options of `--beam-args`, which are checked, for jobs of any length.

    Raises:
      ValueError: for an open quotation mark, options that Beam does not know, or a job server that does not answer.
    """
    try:
        options = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"--beam-args: {str(error).lower()}: {text}") from None
    if options:
        from rrn_tf.beam.pipelines import check_beam_args, for_long_jobs

        check_beam_args(options)
        return for_long_jobs(options)
    return options


def write_json(path: str | None, values: dict[str, Any]) -> None:
    """Writes the printed figures to the file of `--json`, or to standard output for ``-``, if it was given."""
    if not path:
        return
    text = json.dumps(values, indent=2) + "\n"
    if path == STANDARD_OUTPUT:
        click.echo(text, file=click.get_current_context().meta[_KEPT], nl=False)
    else:
        write_whole(Path(path), text)


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
