"""`rrn train` and `rrn baselines`. Heavy modules are imported when a command needs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rrn_tf.command import (
    CONFIG_HELP,
    SET_HELP,
    InputError,
    example,
    json_option,
    one_line_errors,
    resolved_config,
    write_json,
)

if TYPE_CHECKING:
    from rrn_tf.collaborative_config import CollaborativeConfig
    from rrn_tf.config import Config

EVENT_PROTOCOLS = ("clean", "interleaved")  # as in rrn_tf.evaluation.event_protocols
RRN, CRNN = MODELS = ("rrn", "crnn")
MODEL_HELP = "rrn learns from ratings, crnn (the Collaborative RNN) from events."


def config_of(kind: str, name: str | None, overrides: tuple[str, ...]) -> Config | CollaborativeConfig:
    """The configuration of a model that `--config` and `--set` name; without a name that of its preset."""
    from rrn_tf.collaborative_config import CollaborativeConfig
    from rrn_tf.config import CRNN_PLUS, RRN_PLUS, Config

    if kind == RRN:
        return resolved_config(name or RRN_PLUS, overrides, Config)
    return resolved_config(name or CRNN_PLUS, overrides, CollaborativeConfig)


@click.command(
    epilog=example(
        "rrn train --data ratings.csv --output runs/a --set training.epochs=5",
        "rrn train --model crnn --data events.csv --output runs/b",
    )
)
@click.option(
    "--data",
    required=True,
    help="A path, movielens-small, tfds:NAME or generated: synthetic, synthetic-events, -listening.",
)
@click.option("--output", required=True, type=click.Path(file_okay=False), help="The run directory.")
@click.option("--model", "kind", type=click.Choice(MODELS), default=MODELS[0], show_default=True, help=MODEL_HELP)
@click.option("--valid", help="Later ratings or events for validation; all of --data then trains.")
@click.option("--config", "config_name", help=f"{CONFIG_HELP} Of ratings rrn-plus by default.")
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@click.option("--beam-args", default="", help="Beam pipeline options, as one string.")
@click.option("--resume", is_flag=True, help="Goes on from the last finished phase of the run in --output, if any.")
@json_option
def train(
    data: str,
    output: str,
    kind: str,
    valid: str | None,
    config_name: str | None,
    overrides: tuple[str, ...],
    beam_args: str,
    resume: bool,
    json_file: str | None,
) -> None:
    """Trains an RRN on ratings, or a Collaborative RNN on events, and writes a run directory with its SavedModel.

    Where TF_CONFIG names several workers, each runs this command; they share the work, and the run directory.
    """
    import shlex

    with one_line_errors():
        from rrn_tf.cluster import several_workers
        from rrn_tf.collaborative_config import CollaborativeConfig
        from rrn_tf.data.datasets import resolve

        config = config_of(kind, config_name, overrides)
        strategy = None
        if several_workers():
            from rrn_tf.runs.worker_run import train_worker
            from rrn_tf.training.devices import make_strategy
            from rrn_tf.training.workers import is_chief

            # They have to meet before anything else of TensorFlow.
            strategy = make_strategy(config.training.replicas)
            if not is_chief(strategy):
                train_worker(output, config, strategy)
                return
        source = resolve(data, Path(output, "data"))
        click.echo(source.description)
        valid_pattern = resolve(valid, Path(output, "data")).pattern if valid else None
        from rrn_tf.report.progress import training_listener
        from rrn_tf.report.run_summary import print_event_metrics, print_metrics, print_prepared, print_prepared_events
        from rrn_tf.runs.directory import RunPaths
        from rrn_tf.runs.event_run import train_event_run
        from rrn_tf.runs.rating_run import train_run
        from rrn_tf.training.devices import set_logical_devices

        set_logical_devices(config.training.replicas)
        with training_listener() as listener:
            common: dict[str, Any] = {
                "strategy": strategy,
                "listeners": [listener],
                "beam_args": shlex.split(beam_args),
                "resume": resume,
            }
            if isinstance(config, CollaborativeConfig):
                summary = train_event_run(
                    source.pattern,
                    output,
                    config,
                    valid=valid_pattern,
                    on_prepared=print_prepared_events,
                    best_nll=source.best_nll,
                    **common,
                )
                print_summary = print_event_metrics
            else:
                summary = train_run(
                    source.pattern,
                    output,
                    config,
                    valid=valid_pattern,
                    on_prepared=print_prepared,
                    best_rmse=source.best_rmse,
                    **common,
                )
                print_summary = print_metrics
        print_summary(summary)
        paths = RunPaths(Path(output))
        click.echo(f"model  {paths.model}\nlogs   {paths.logs}\ndead letters  {paths.dead_letters}")
        write_json(json_file, summary)


@click.command(
    epilog=example(
        "rrn baselines --data ratings.csv",
        "rrn baselines --model crnn --run runs/b --protocol interleaved",
        "rrn baselines --model crnn --run runs/s0 --run runs/s1 --run runs/s2 --no-networks",
        "rrn baselines --model crnn --data events.csv --all",
    )
)
@click.option("--data", help="What to compare on, as for `rrn train`; or --run.")
@click.option(
    "--run",
    "run_dirs",
    multiple=True,
    help="A run directory: compares its model too, on its own split. Of crnn several.",
)
@click.option("--model", "kind", type=click.Choice(MODELS), default=MODELS[0], show_default=True, help=MODEL_HELP)
@click.option("--protocol", type=click.Choice(EVENT_PROTOCOLS), default=EVENT_PROTOCOLS[0], show_default=True)
@click.option("--config", "config_name", help=f"{CONFIG_HELP} By default rrn-plus, or crnn-plus.")
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@click.option(
    "--networks/--no-networks",
    default=True,
    show_default=True,
    help="Of crnn: trains the mixture, unless a --run has one; with --all C-GRU, P-GRU and C-tanh too. --config and "
    "--set are for whichever they describe, a mixture or not; the others have their defaults.",
)
@click.option(
    "--all", "everything", is_flag=True, help="Of crnn: the paper's networks and slow, weak baselines (MF, HMM) too."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Of all but those networks.")
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
) -> None:
    """Every baseline on the same split, one table a protocol: of ratings both, of events that of --protocol."""
    import dataclasses
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
        from rrn_tf.collaborative_config import CollaborativeConfig
        from rrn_tf.config import CRNN_PLUS, RRN_PLUS, Config
        from rrn_tf.data.datasets import resolve

        pattern = resolve(data, folder).pattern if data else ""
        from rrn_tf.environment import environment
        from rrn_tf.features import Split
        from rrn_tf.report.run_summary import (
            print_event_leaderboard,
            print_leaderboards,
            print_means_of_runs,
            print_references,
        )
        from rrn_tf.runs.comparison import (
            compare_events,
            compare_ratings,
            load_held_out_events,
            load_ratings,
            scored_split,
        )
        from rrn_tf.runs.directory import RunPaths

        runs = [RunPaths(Path(run_dir)) for run_dir in run_dirs]
        for run in runs:
            if not run.config.exists():
                raise InputError(f"{run.root}: expected a run directory, found no {run.config.name} in it")
        figures: dict[str, Any] = {}
        if kind == RRN:
            of_run = runs[0] if runs else None
            ratings = load_ratings(pattern, resolved_config(config_name or RRN_PLUS, overrides, Config), of_run)
            boards = compare_ratings(ratings, of_run, seed, click.echo)
            figures["split"] = (split := scored_split(ratings)).label
            print_leaderboards(boards, "validation" if split is Split.VALID else "test")
            figures |= {name: [*map(dataclasses.asdict, rows)] for name, rows in boards.items()}
        else:
            from rrn_tf.report.progress import training_listener
            from rrn_tf.training.devices import set_logical_devices

            config = resolved_config(
                str(runs[0].config) if runs else config_name or CRNN_PLUS, overrides, CollaborativeConfig
            )
            set_logical_devices(config.training.replicas)
            events = load_held_out_events(pattern, config, runs)
            with training_listener() as listener:
                settings = config if networks else None
                found = compare_events(events, protocol, runs, settings, seed, click.echo, [listener], everything)
            print_event_leaderboard(found.rows)
            print_references(found.references)
            print_means_of_runs(found.means)
            figures |= {**found._asdict(), "rows": [*map(dataclasses.asdict, found.rows)]}
        write_json(json_file, {**figures, **environment(seed)})
