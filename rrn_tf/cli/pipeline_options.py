"""Options of TFX pipelines on one machine, given to `rrn run` or to the pipelines' own programs, or by environment
variables.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import click

from rrn_tf.cli.format_options import FormatOptions
from rrn_tf.cli.kinds import MODEL_HELP, MODELS
from rrn_tf.cli.options import CONFIG_HELP, ITEMS_HELP, SET_HELP
from rrn_tf.cli.output_paths import OutputFolder

Options = TypeVar("Options", bound="LocalOptions")


def _option(default: Any, told: str, *flags: str, **settings: Any) -> Any:
    """Returns a dataclass field for an option; `flags` are its flags besides the field's own name."""
    return field(default=default, metadata={"flags": flags, "help": told, **settings})


@dataclass(frozen=True)
class LocalOptions(FormatOptions):
    """Options of every pipeline."""

    model: str = _option(MODELS[0], MODEL_HELP, type=click.Choice(MODELS), envvar="RRN_MODEL")
    output: str = _option("runs/pipeline", "Directory of all output files.", type=OutputFolder(), envvar="RRN_OUTPUT")
    beam_args: str = _option("", "Beam pipeline options, as one string.", envvar="RRN_BEAM_ARGS")
    no_cache: bool = _option(False, "Runs all components again, without reusing cached output.", is_flag=True)


@dataclass(frozen=True)
class RunOptions(LocalOptions):
    """Runs the pipeline that trains a model."""

    data: str | None = _option(
        None, "The data, as for `rrn train`; movielens-small or synthetic-events by default.", envvar="RRN_DATA"
    )
    items: str | None = _option(None, ITEMS_HELP, envvar="RRN_ITEMS")
    config: str | None = _option(None, f"{CONFIG_HELP} By default rrn-plus, or crnn-plus.", envvar="RRN_CONFIG")
    set: tuple[str, ...] = _option((), SET_HELP, multiple=True, metavar="a.b=c")
    tune: float | None = _option(
        None, "Minutes to search better settings before training.", type=float, envvar="RRN_TUNE"
    )
    space: str | None = _option(None, "YAML of what --tune searches, as for `rrn tune`, but without settings of data.")
    max_rmse: float | None = _option(None, "A model with a larger test RMSE is not pushed.", type=float)
    max_nll: float | None = _option(None, "A Collaborative RNN with a larger loss is not pushed.", type=float)
    all_baselines: bool = _option(False, "The report compares with the slow baselines too.", is_flag=True)


@dataclass(frozen=True)
class UpdateOptions(LocalOptions):
    """Runs the pipeline that updates a model."""

    data: str = _option("spans/{SPAN}/*.csv", "New rows: a pattern with {SPAN}.", envvar="RRN_UPDATE_DATA")
    span: int | None = _option(None, "Number of the span; by default the latest.", type=int, envvar="RRN_SPAN")
    base: str | None = _option(None, "Model to start from if none was pushed yet.", envvar="RRN_BASE_MODEL")
    max_increase: float = _option(
        0.02,
        "By how much RMSE or loss on the new rows may exceed that of the model before the update.",
        "--max-rmse-increase",
        type=float,
    )


def options_of(kind: type[FormatOptions]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Returns a decorator that adds the options of a class to a command, each passed by its name."""

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        for of in reversed(fields(kind)):
            settings = dict(of.metadata)
            names = dict.fromkeys((of.name, f"--{of.name.replace('_', '-')}", *settings.pop("flags")))
            settings |= {"default": of.default, "show_default": of.default not in (None, "", (), False)}
            command = click.option(*names, **settings)(command)
        return command

    return decorated


def parsed(kind: type[Options], argv: Sequence[str] | None, program: str) -> Options:
    """Parses a command line into options.

    Args:
      kind: the class of the options.
      argv: the arguments, without the program; None means those of this process. The environment sets the defaults.
      program: the program's name in `--help`, which ends the process.

    Raises:
      click.UsageError: for invalid options.
    """
    command = click.command(program, help=kind.__doc__)(options_of(kind)(lambda **values: None))
    try:
        with command.make_context(program, list(sys.argv[1:] if argv is None else argv)) as context:
            return kind(**context.params)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)


def arguments(options: LocalOptions) -> list[str]:
    """Returns the arguments from which `parsed` reads these options."""
    found = []
    for of in fields(options):
        flag, value = f"--{of.name.replace('_', '-')}", getattr(options, of.name)
        if value is True:
            found.append(flag)
        elif isinstance(value, tuple):
            found += [f"{flag}={part}" for part in value]
        elif value is not None and value is not False:
            found.append(f"{flag}={value}")
    return found
