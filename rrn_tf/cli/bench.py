"""`rrn bench` measures throughput and what limits it. Slow imports are made only when a command needs them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from rrn_tf.cli.options import CONFIG_HELP, SET_HELP, example, json_option, one_line_errors, resolved_config, write_json

if TYPE_CHECKING:
    from rrn_tf.bench.load import Load
    from rrn_tf.config import DataConfig

# `rrn_tf.config.RRN_PLUS` and `CRNN_PLUS`, which are slow to import for a help text.
_DEFAULT, _EVENTS_DEFAULT = "rrn-plus", "crnn-plus"


class _Duration(click.ParamType):
    """A duration in the format of the configuration."""

    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from rrn_tf.config import parse_duration

        try:
            parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return value


@click.group(epilog=example("rrn bench prepare --ratings 1000000"))
def bench() -> None:
    """Measures throughput on generated data and finds what limits it."""


def load_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options of generated ratings; the command gets `load_of`, which generates them for its data settings.

    Options about steps, if they are given, override those settings.
    """

    @functools.wraps(command)
    def with_load(
        ratings: int,
        users: int,
        items: int,
        sitting: float,
        seed: int,
        user_granularity: str | None,
        item_granularity: str | None,
        steps_per_doubling: int | None,
        **others: Any,
    ) -> None:
        with one_line_errors():
            from rrn_tf.bench.load import Load, netflix_like

            generated = netflix_like(ratings, users, items, seed, sitting=sitting)

        def load_of(data: DataConfig) -> Load:
            count = data.steps_per_doubling if steps_per_doubling is None else steps_per_doubling
            granularity = user_granularity or data.user_granularity, item_granularity or data.item_granularity
            return Load(generated, *granularity, count)

        command(load_of=load_of, **others)

    count, duration = click.IntRange(min=1), _Duration()
    for option in (
        click.option(
            "--steps-per-doubling",
            type=click.IntRange(0, 16),
            help="Steps per doubling of a user's or item's ratings.  [default: that of --config, else 0]",
        ),
        click.option(
            "--item-granularity", type=duration, help="Step length of items.  [default: that of --config, else 7d]"
        ),
        click.option(
            "--user-granularity", type=duration, help="Step length of users.  [default: that of --config, else 1d]"
        ),
        click.option(
            "--seed",
            default=0,
            show_default=True,
            type=click.IntRange(min=0),
            help="Seed of the generated ratings.",
        ),
        click.option(
            "--sitting",
            default=5.2,
            show_default=True,
            type=click.FloatRange(min=1),
            help="Mean number of ratings on a user's active day; 1 gives each rating its own time.",
        ),
        click.option("--items", default=17_700, show_default=True, type=count, help="Number of generated items."),
        click.option("--users", default=22_700, show_default=True, type=count, help="Number of generated users."),
        click.option(
            "--ratings", default=1_000_000, show_default=True, type=count, help="Number of generated ratings."
        ),
    ):
        with_load = option(with_load)
    return with_load


@bench.command(epilog=example("rrn bench prepare --ratings 13700000 --users 311300 --items 17700"))
@load_options
@json_option
def prepare(load_of: Callable[[DataConfig], Load], json_file: str | None) -> None:
    """Times the preparation of sequences with Beam, compared with reading and sorting the same file."""
    with one_line_errors():
        from rrn_tf.bench.prepare import bench_prepare
        from rrn_tf.config import DataConfig

        write_json(json_file, bench_prepare(load_of(DataConfig()), click.echo))


@bench.command(
    epilog=example(
        "rrn bench rrn --ratings 13700000 --users 311300 --items 17700",
        "rrn bench rrn --config paper-netflix",
        "rrn bench rrn --train --epochs 1",
    )
)
@load_options
@click.option(
    "--epochs", default=2, show_default=True, type=click.IntRange(min=1), help="Timed epochs, after a warm-up."
)
@click.option(
    "--train",
    "whole",
    is_flag=True,
    help="First times a whole training on the ratings, split by time: epochs, validation, predictions.",
)
@click.option(
    "--rows-per-batch",
    type=click.IntRange(min=1),
    help="Padded rows per batch.  [default: that of --config, where 0 derives it from the number of rows]",
)
@click.option("--config", "config_name", default=_DEFAULT, show_default=True, help=CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@json_option
def rrn(
    load_of: Callable[[DataConfig], Load],
    epochs: int,
    whole: bool,
    rows_per_batch: int | None,
    config_name: str,
    overrides: tuple[str, ...],
    json_file: str | None,
) -> None:
    """Times both phases of training, compared with the machine's limits, and a whole training."""
    from rrn_tf.config import Config

    given = (f"training.rows_per_batch={rows_per_batch}",) if rows_per_batch else ()
    config = resolved_config(config_name, (*overrides, *given), Config)
    with one_line_errors():
        from rrn_tf.bench.rrn import bench_rrn
        from rrn_tf.bench.whole_training import bench_training

        load = load_of(config.data)
        # Runs first, so that its peak memory does not include the phases'.
        training = bench_training(load, config, click.echo) if whole else {}
        write_json(json_file, {**bench_rrn(load, config, epochs, click.echo), **training})


@bench.command(epilog=example("rrn bench crnn --users 1679 --items 23243 --events 599618"))
@click.option("--events", default=599_618, show_default=True, type=click.IntRange(min=1), help="Generated events.")
@click.option("--users", default=1_679, show_default=True, type=click.IntRange(min=1), help="Generated users.")
@click.option("--items", default=23_243, show_default=True, type=click.IntRange(min=1), help="Generated items.")
@click.option(
    "--epochs", default=2, show_default=True, type=click.IntRange(min=1), help="Timed epochs, after a warm-up."
)
@click.option("--config", "config_name", default=_EVENTS_DEFAULT, show_default=True, help=CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@json_option
def crnn(
    events: int,
    users: int,
    items: int,
    epochs: int,
    config_name: str,
    overrides: tuple[str, ...],
    json_file: str | None,
) -> None:
    """Times training of the Collaborative RNN, compared with the machine's fastest matrix multiplication."""
    from rrn_tf.collaborative_config import CollaborativeConfig

    config = resolved_config(config_name, overrides, CollaborativeConfig)
    with one_line_errors():
        from rrn_tf.bench.crnn import bench_crnn

        write_json(json_file, bench_crnn(users, items, events, config, epochs, click.echo))


@bench.command(
    epilog=example("rrn bench serve --users 50000", "rrn bench serve --model runs/a --server localhost:8500")
)
@load_options
@click.option("--model", help="Run directory or SavedModel to measure, instead of random weights.")
@click.option("--server", metavar="HOST:PORT", help="TensorFlow Serving of --model as rrn; default: a test double.")
@click.option("--requests", default=200, show_default=True, type=click.IntRange(min=1), help="Requests of each kind.")
@click.option("--pairs", default=1_000_000, show_default=True, type=click.IntRange(min=1), help="Pairs scored in bulk.")
@click.option(
    "--seconds", default=5.0, show_default=True, type=click.FloatRange(min=0), help="Duration of the load test."
)
@click.option("--config", "config_name", default=_DEFAULT, show_default=True, help=CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@json_option
def serve(
    load_of: Callable[[DataConfig], Load],
    model: str | None,
    server: str | None,
    requests: int,
    pairs: int,
    seconds: float,
    config_name: str,
    overrides: tuple[str, ...],
    json_file: str | None,
) -> None:
    """Times the predictions of a saved RRN in this process, over gRPC and in bulk, compared with the targets."""
    from rrn_tf.config import Config

    if server and not model:
        raise click.UsageError("--server needs --model, the one that it serves: requests hold its users and items")
    config = resolved_config(config_name, overrides, Config)
    with one_line_errors():
        from rrn_tf.bench.serve import bench_serve

        load = load_of(config.data)
        figures = bench_serve(
            load, config, click.echo, model=model, server=server, requests=requests, pairs=pairs, seconds=seconds
        )
        write_json(json_file, figures)
