"""`rrn bench`: throughput, and what limits it. Heavy modules are imported when a command needs them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from rrn_tf.command import CONFIG_HELP, SET_HELP, example, json_option, one_line_errors, resolved_config, write_json

if TYPE_CHECKING:
    from rrn_tf.bench.load import Load

# Wide batches: a step of a narrow one is bound by what TensorFlow does around each operation.
ROWS_PER_BATCH = 32_768


class _Duration(click.ParamType):
    """A duration as the configuration has it."""

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
    """Measures throughput on generated ratings and tells what limits it."""


def load_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options of a generated load; the command gets it as `load`."""

    @functools.wraps(command)
    def with_load(
        ratings: int,
        users: int,
        items: int,
        sitting: float,
        seed: int,
        user_granularity: str,
        item_granularity: str,
        **others: Any,
    ) -> None:
        with one_line_errors():
            from rrn_tf.bench.load import Load, netflix_like

            config = netflix_like(ratings, users, items, seed, sitting=sitting)
            load = Load(config, user_granularity, item_granularity)
        command(load=load, **others)

    count, duration = click.IntRange(min=1), _Duration()
    for option in (
        click.option("--item-granularity", default="7d", show_default=True, type=duration, help="Step of items."),
        click.option("--user-granularity", default="1d", show_default=True, type=duration, help="Step of users."),
        click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0)),
        click.option(
            "--sitting",
            default=5.2,
            show_default=True,
            type=click.FloatRange(min=1),
            help="Mean ratings of a user on a day with any; 1 gives each a time of its own.",
        ),
        click.option("--items", default=17_700, show_default=True, type=count),
        click.option("--users", default=22_700, show_default=True, type=count),
        click.option("--ratings", default=1_000_000, show_default=True, type=count),
    ):
        with_load = option(with_load)
    return with_load


@bench.command(epilog=example("rrn bench prepare --ratings 13700000 --users 311300 --items 17700"))
@load_options
@json_option
def prepare(load: Load, json_file: str | None) -> None:
    """Times the preparation of sequences with Beam, beside reading and sorting the same file."""
    with one_line_errors():
        from rrn_tf.bench.prepare import bench_prepare

        write_json(json_file, bench_prepare(load, click.echo))


@bench.command(epilog=example("rrn bench rrn --ratings 13700000 --users 311300 --items 17700"))
@load_options
@click.option("--epochs", default=2, show_default=True, type=click.IntRange(min=1), help="Timed, after one to warm up.")
@click.option(
    "--rows-per-batch",
    type=click.IntRange(min=1),
    help=f"Padded rows of a batch.  [default: that of --config, else {ROWS_PER_BATCH}]",
)
@click.option("--config", "config_name", help=CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@json_option
def rrn(
    load: Load,
    epochs: int,
    rows_per_batch: int | None,
    config_name: str | None,
    overrides: tuple[str, ...],
    json_file: str | None,
) -> None:
    """Times both phases of training, beside what the machine could do at most."""
    from rrn_tf.config import Config

    rows = rows_per_batch or (None if config_name else ROWS_PER_BATCH)
    first = (f"training.rows_per_batch={rows}",) if rows else ()
    config = resolved_config(config_name, (*first, *overrides), Config)
    with one_line_errors():
        from rrn_tf.bench.rrn import bench_rrn

        write_json(json_file, bench_rrn(load, config, epochs, click.echo))


@bench.command(epilog=example("rrn bench crnn --users 1679 --items 23243 --events 599618"))
@click.option("--events", default=599_618, show_default=True, type=click.IntRange(min=1))
@click.option("--users", default=1_679, show_default=True, type=click.IntRange(min=1))
@click.option("--items", default=23_243, show_default=True, type=click.IntRange(min=1))
@click.option("--epochs", default=2, show_default=True, type=click.IntRange(min=1), help="Timed, after one to warm up.")
@click.option("--config", "config_name", help=CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@json_option
def crnn(
    events: int,
    users: int,
    items: int,
    epochs: int,
    config_name: str | None,
    overrides: tuple[str, ...],
    json_file: str | None,
) -> None:
    """Times training of the Collaborative RNN, beside what the machine multiplies at most."""
    from rrn_tf.collaborative_config import CollaborativeConfig

    config = resolved_config(config_name, overrides, CollaborativeConfig)
    with one_line_errors():
        from rrn_tf.bench.crnn import bench_crnn

        write_json(json_file, bench_crnn(users, items, events, config, epochs, click.echo))


@bench.command(
    epilog=example("rrn bench serve --users 50000", "rrn bench serve --model runs/a --server localhost:8500")
)
@load_options
@click.option("--model", help="Measures this run or SavedModel in place of one of random weights.")
@click.option("--server", metavar="HOST:PORT", help="A TensorFlow Serving with --model as rrn; default: a test double.")
@click.option("--requests", default=200, show_default=True, type=click.IntRange(min=1), help="Timed, of each kind.")
@click.option("--pairs", default=1_000_000, show_default=True, type=click.IntRange(min=1), help="Scored in bulk.")
@click.option("--seconds", default=5.0, show_default=True, type=click.FloatRange(min=0), help="Clients ask so long.")
@click.option("--config", "config_name", default="rrn-plus", show_default=True, help=CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@json_option
def serve(
    load: Load,
    model: str | None,
    server: str | None,
    requests: int,
    pairs: int,
    seconds: float,
    config_name: str,
    overrides: tuple[str, ...],
    json_file: str | None,
) -> None:
    """Times answers of a saved RRN: in this process, over gRPC and in bulk, beside what is aimed at."""
    from rrn_tf.config import Config

    if server and not model:
        raise click.UsageError("--server needs --model, the one that it serves: requests hold its users and items")
    config = resolved_config(config_name, overrides, Config)
    with one_line_errors():
        from rrn_tf.bench.serve import bench_serve

        figures = bench_serve(
            load, config, click.echo, model=model, server=server, requests=requests, pairs=pairs, seconds=seconds
        )
        write_json(json_file, figures)
