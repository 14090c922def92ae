"""The command `rrn baselines`, which imports slow modules only when it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rrn_tf.cli.format_options import FormatOptions, tell_layouts
from rrn_tf.cli.kinds import CRNN, EVENT_PROTOCOLS, MODEL_HELP, MODELS, RRN, config_of
from rrn_tf.cli.options import (
    CONFIG_HELP,
    SET_HELP,
    InputError,
    example,
    json_option,
    one_line_errors,
    write_json,
)
from rrn_tf.cli.pipeline_options import options_of

if TYPE_CHECKING:
    from rrn_tf.data.events import EventSequences
    from rrn_tf.data.sequences import RatingSequences
    from rrn_tf.runs.directory import RunPaths


@click.command(
    epilog=example(
        "rrn baselines --data ratings.csv",
        "rrn baselines --model crnn --run runs/b --protocol interleaved",
        "rrn baselines --model crnn --run runs/s0 --run runs/s1 --run runs/s2 --no-networks",
        "rrn baselines --model crnn --data events.csv --all",
    )
)
@click.option("--data", help="The data to compare on, as for `rrn train`; or use --run.")
@click.option(
    "--run",
    "run_dirs",
    multiple=True,
    help="A run directory, to compare its model too, on its own split. crnn accepts several.",
)
@click.option("--model", "kind", type=click.Choice(MODELS), default=MODELS[0], show_default=True, help=MODEL_HELP)
@click.option(
    "--protocol",
    type=click.Choice(EVENT_PROTOCOLS),
    default=EVENT_PROTOCOLS[0],
    show_default=True,
    help="Only events: which held-out events of a user are scored, all or all but the first.",
)
@click.option("--config", "config_name", help=f"{CONFIG_HELP} By default rrn-plus, or crnn-plus.")
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@click.option(
    "--networks/--no-networks",
    default=True,
    show_default=True,
    help="Only crnn: trains the mixture, unless a --run has one; with --all also C-GRU, P-GRU and C-tanh. --config and "
    "--set apply to the mixture or to the others, whichever they describe; the rest use their defaults.",
)
@click.option(
    "--all", "everything", is_flag=True, help="Only crnn: adds the paper's networks and slow, weak baselines (MF, HMM)."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of the baselines.")
@options_of(FormatOptions)
@json_option
def baselines(
    data: str | None,
    run_dirs: tuple[str, ...],
    kind: str,
    protocol: str,
    config_name: str | None,
    overrides: tuple[str, ...],
    networks: bool,
    everything: bool,
    seed: int,
    json_file: str | None,
    **reading: Any,
) -> None:
    """Compares all baselines on the same split. Prints one table per protocol; for events, only that of --protocol."""
    import tempfile

    if (data is None) == (not run_dirs):
        raise click.UsageError("expected one of --data and --run")
    if kind == RRN and len(run_dirs) > 1:
        raise click.UsageError(f"expected one --run of ratings, found {len(run_dirs)}")
    if kind == RRN and everything:
        raise click.UsageError("--all is for --model crnn; of ratings all baselines are compared anyway")
    if run_dirs and config_name:
        raise click.UsageError("--config is for --data; a run has its own")
    with one_line_errors(), tempfile.TemporaryDirectory(prefix="rrn-data-") as folder:
        from rrn_tf.runs.directory import RunPaths
        from rrn_tf.tasks import TASKS

        runs = [RunPaths(Path(run_dir)) for run_dir in run_dirs]
        for run in runs:
            if not run.config.exists():
                raise InputError(f"{run.root}: expected a run directory, found no {run.config.name} in it")
        config = config_of(kind, str(runs[0].config) if runs else config_name, overrides)
        config = FormatOptions(**reading).into(config)
        if data:
            tell_layouts(data, TASKS[kind].columns, config.data.format, named=True)
        from rrn_tf.data.datasets import resolve
        from rrn_tf.environment import environment
        from rrn_tf.runs.comparison import load_compared
        from rrn_tf.training.devices import set_logical_devices

        pattern = resolve(data, folder).pattern if data else ""
        set_logical_devices(config.training.replicas)
        sequences = load_compared(TASKS[kind], pattern, config, runs)
        options = {"protocol": protocol, "config": config if networks else None, "everything": everything}
        figures = _COMPARISONS[kind](sequences, runs, seed, **options)
        write_json(json_file, {**figures, **environment(seed)})


def _compare_ratings(ratings: RatingSequences, runs: Sequence[RunPaths], seed: int, **_: Any) -> dict[str, Any]:
    """Compares models of ratings, prints a table for each protocol, and returns the figures."""
    from rrn_tf.console.progress import showing
    from rrn_tf.console.tables import print_findings, print_leaderboards
    from rrn_tf.features import Split
    from rrn_tf.runs.comparison import compare_ratings, scored_split

    with showing():
        boards = compare_ratings(ratings, runs[0] if runs else None, seed, click.echo)
    split = scored_split(ratings)
    print_leaderboards(boards, "validation" if split is Split.VALID else "test")
    print_findings(boards)
    return {"split": split.label} | {name: [*map(asdict, rows)] for name, rows in boards.items()}


def _compare_events(events: EventSequences, runs: Sequence[RunPaths], seed: int, **options: Any) -> dict[str, Any]:
    """Compares models of events likewise; `options` are those of `rrn_tf.runs.comparison.compare_events`."""
    from rrn_tf.console.progress import training_listener
    from rrn_tf.console.tables import print_event_leaderboard, print_findings, print_means_of_runs, print_references
    from rrn_tf.runs.comparison import compare_events

    with training_listener() as listener:
        found = compare_events(events, runs=runs, seed=seed, echo=click.echo, listeners=[listener], **options)
    print_event_leaderboard(found.rows)
    print_findings({options["protocol"]: found.rows})
    print_references(found.references)
    print_means_of_runs(found.means)
    return {**found._asdict(), "rows": [*map(asdict, found.rows)]}


_COMPARISONS: dict[str, Callable[..., dict[str, Any]]] = {RRN: _compare_ratings, CRNN: _compare_events}
