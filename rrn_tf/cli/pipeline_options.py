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

Options = TypeVar("Options", bound="FormatOptions")


def option(default: Any, told: str, *flags: str, **settings: Any) -> Any:
    """Returns a dataclass field for an option; `flags` are its flags besides the field's own name."""
    return field(default=default, metadata={"flags": flags, "help": told, **settings})


WARN, STOP = "warn", "stop"
ANOMALIES: dict[str, Any] = {"type": click.Choice([WARN, STOP]), "envvar": "RRN_ANOMALIES"}
ANOMALIES_HELP = "What faults of the data do: warn, or stop the run before the data are used."
MAX_AHEAD_HELP = "Seconds by which times may lie in the future."


@dataclass(frozen=True)
class LocalOptions(FormatOptions):
    """Options of every pipeline."""

    model: str = option(MODELS[0], MODEL_HELP, type=click.Choice(MODELS), envvar="RRN_MODEL")
    output: str = option("runs/pipeline", "Directory of all output files.", type=OutputFolder(), envvar="RRN_OUTPUT")
    beam_args: str = option("", "Beam pipeline options, as one string.", envvar="RRN_BEAM_ARGS")
    schema: str | None = option(
        None,
        "Schema of the data, with thresholds of drift and skew, instead of the project's own (schemas/).",
        type=click.Path(exists=True, dir_okay=False),
        envvar="RRN_SCHEMA",
    )
    anomalies: str = option(WARN, ANOMALIES_HELP, **ANOMALIES)
    max_ahead: float = option(86_400.0, MAX_AHEAD_HELP, type=float, envvar="RRN_MAX_AHEAD")
    no_cache: bool = option(False, "Runs all components again, without reusing cached output.", is_flag=True)


@dataclass(frozen=True)
class TrainingOptions:
    """Options of every pipeline that trains a model, beside the data and the bound of its RMSE."""

    items: str | None = option(None, ITEMS_HELP, envvar="RRN_ITEMS")
    config: str | None = option(None, f"{CONFIG_HELP} By default rrn-plus, or crnn-plus.", envvar="RRN_CONFIG")
    set: tuple[str, ...] = option((), SET_HELP, multiple=True, metavar="a.b=c")
    tune: float | None = option(
        None, "Minutes to search better settings before training.", type=float, envvar="RRN_TUNE"
    )
    space: str | None = option(None, "YAML of what --tune searches, as for `rrn tune`, but without settings of data.")
    max_nll: float | None = option(None, "A Collaborative RNN with a larger loss is not pushed.", type=float)
    all_baselines: bool = option(False, "The report compares with the slow baselines too.", is_flag=True)


@dataclass(frozen=True)
class RunOptions(TrainingOptions, LocalOptions):
    """Runs the pipeline that trains a model."""

    data: str | None = option(
        None, "The data, as for `rrn train`; movielens-small or synthetic-events by default.", envvar="RRN_DATA"
    )
    max_rmse: float | None = option(None, "A model with a larger test RMSE is not pushed.", type=float)


@dataclass(frozen=True)
class UpdateOptions(LocalOptions):
    """Runs the pipeline that updates a model."""

    data: str = option("spans/{SPAN}/*.csv", "New rows: a pattern with {SPAN}.", envvar="RRN_UPDATE_DATA")
    span: int | None = option(None, "Number of the span; by default the latest.", type=int, envvar="RRN_SPAN")
    base: str | None = option(None, "Model to start from if none was pushed yet.", envvar="RRN_BASE_MODEL")
    max_increase: float = option(
        0.02,
        "By how much RMSE or loss on the new rows may exceed that of the model before the update.",
        "--max-rmse-increase",
        type=float,
    )
    max_new_users: float = option(
        0.99, "Largest share of rows of users that the model does not know.", type=float, envvar="RRN_MAX_NEW_USERS"
    )
    max_new_items: float = option(
        0.5, "Largest share of rows of items that the model does not know.", type=float, envvar="RRN_MAX_NEW_ITEMS"
    )
    good_span: int | None = option(
        None, "Number of the span to compare with; by default the last one without anomalies.", type=int
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
