"""The command line. Declares options and prints; heavy modules are imported when a command needs them."""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rrn_tf.bench.commands import bench
from rrn_tf.command import example, json_option, one_line_errors, write_json
from rrn_tf.version import __version__

if TYPE_CHECKING:
    from rrn_tf.config import AnyConfig
    from rrn_tf.runs.directory import RunPaths

_CONFIG_HELP = "Settings: a YAML file or the name of a preset."
PROTOCOLS = ("frozen", "streaming")  # as in rrn_tf.evaluation.protocols, which needs TensorFlow
EVENT_PROTOCOLS = ("clean", "interleaved")  # as in rrn_tf.evaluation.event_protocols
RRN, CRNN = MODELS = ("rrn", "crnn")
_MODEL_HELP = "rrn learns from ratings, crnn (the Collaborative RNN) from events."
_PROTOCOL_HELP = "Streaming needs ratings and reveals each to strictly later steps."
_SET_HELP = "Overrides one setting; may be repeated."


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=example("rrn train --data ratings.csv --output runs/a", "rrn recommend --model runs/a --user 42"),
)
@click.version_option(__version__, prog_name="rrn")
def main() -> None:
    """Recurrent recommenders: predict where tastes are going."""
    # A user of the command line wants answers, not TensorFlow's start-up notes; both can be set otherwise.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


@main.command(epilog=example("rrn run --data movielens-small --output runs/demo"))
@click.option(
    "--data", default="movielens-small", show_default=True, help="A path, movielens-small, synthetic or tfds:NAME."
)
@click.option("--output", default="runs/pipeline", show_default=True, type=click.Path(file_okay=False))
@click.option("--config", "config_name", help=_CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=_SET_HELP)
@click.option("--max-rmse", type=float, help="A model with a larger test RMSE is not pushed.")
@click.option("--beam-args", default="", help="Beam pipeline options, as one string.")
@click.option("--no-cache", is_flag=True, help="Runs every component anew.")
@json_option
def run(
    data: str,
    output: str,
    config_name: str | None,
    overrides: tuple[str, ...],
    max_rmse: float | None,
    beam_args: str,
    no_cache: bool,
    json_file: str | None,
) -> None:
    """Runs the whole TFX pipeline on this machine and compares RRN with its baselines."""
    import subprocess

    # The library may not import TFX: the pipeline runs beside it.
    arguments = [f"--data={data}", f"--output={output}", f"--beam-args={beam_args}"]
    arguments += [f"--config={config_name}"] if config_name else []
    arguments += [f"--set={override}" for override in overrides]
    arguments += [f"--max-rmse={max_rmse}"] if max_rmse is not None else []
    arguments += ["--no-cache"] if no_cache else []
    finished = subprocess.run([sys.executable, "-m", "pipeline.run_local", *arguments], check=False)
    if finished.returncode:
        sys.exit(finished.returncode)
    record = json.loads(Path(output, "run.json").read_text())
    from rrn_tf.report.run_summary import print_run

    print_run(record)
    write_json(json_file, record)


@main.command(
    epilog=example(
        "rrn train --data ratings.csv --output runs/a --set training.epochs=5",
        "rrn train --model crnn --data events.csv --output runs/b",
    )
)
@click.option("--data", required=True, help="A path, movielens-small, synthetic, synthetic-events or tfds:NAME.")
@click.option("--output", required=True, type=click.Path(file_okay=False), help="The run directory.")
@click.option("--model", "kind", type=click.Choice(MODELS), default=MODELS[0], show_default=True, help=_MODEL_HELP)
@click.option("--valid", help="Later ratings for validation, in place of the time split.")
@click.option("--config", "config_name", help=_CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=_SET_HELP)
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

    if kind == CRNN:
        if valid:
            raise click.UsageError("--valid is for ratings; of events the last of each user are held out")
        _train_events(data, output, config_name, overrides, shlex.split(beam_args), resume, json_file)
        return
    with one_line_errors():
        from rrn_tf.cluster import several_workers
        from rrn_tf.config import Config
        from rrn_tf.data.datasets import resolve

        config, strategy = _config(config_name, overrides, Config), None
        if several_workers():
            from rrn_tf.runs.rating_run import train_worker
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
        from rrn_tf.report.run_summary import print_metrics, print_prepared
        from rrn_tf.runs.directory import RunPaths
        from rrn_tf.runs.rating_run import train_run
        from rrn_tf.training.devices import set_logical_devices

        set_logical_devices(config.training.replicas)
        with training_listener() as listener:
            summary = train_run(
                source.pattern,
                output,
                config,
                valid=valid_pattern,
                strategy=strategy,
                listeners=[listener],
                on_prepared=print_prepared,
                best_rmse=source.best_rmse,
                beam_args=shlex.split(beam_args),
                resume=resume,
            )
        print_metrics(summary)
        _print_places(RunPaths(Path(output)))
        write_json(json_file, summary)


@main.command(epilog=example("rrn predict --model runs/a --queries queries.csv --output predictions.csv"))
@click.option("--model", required=True, help="A run directory or a SavedModel.")
@click.option("--queries", required=True, help="CSV: user_id,item_id,timestamp[,rating].")
@click.option(
    "--output", required=True, type=click.Path(dir_okay=False), help="CSV: the queries and a prediction column."
)
@click.option("--protocol", type=click.Choice(PROTOCOLS), default=PROTOCOLS[0], show_default=True, help=_PROTOCOL_HELP)
@json_option
def predict(model: str, queries: str, output: str, protocol: str, json_file: str | None) -> None:
    """Predicts ratings for the queries of a CSV file; rows keep their order."""
    with one_line_errors():
        from rrn_tf.evaluation.queries import predict_file
        from rrn_tf.serving.saved_rrn import SavedRRN

        outcome = predict_file(SavedRRN(model), Path(queries), Path(output), protocol)
        click.echo(
            f"{outcome.predicted:,} predictions in {output}; {outcome.unknown_users:,} of unknown users, "
            f"{outcome.unknown_items:,} of unknown items"
        )
        if outcome.before_cutoff:
            click.echo(
                f"{outcome.before_cutoff:,} queries lie before the model's last training rating: "
                "answered as of then, so they are no forecasts",
                err=True,
            )
        for message in outcome.messages:
            click.echo(message, err=True)
        write_json(json_file, {"protocol": protocol, **outcome.as_dict()})


@main.command(epilog=example("rrn evaluate --model runs/a --data later_ratings.csv"))
@click.option("--model", required=True, help="A run directory or a SavedModel.")
@click.option("--data", required=True, help="Ratings the model has not seen: CSV, user_id,item_id,rating,timestamp.")
@click.option("--protocol", type=click.Choice(PROTOCOLS), default=PROTOCOLS[0], show_default=True, help=_PROTOCOL_HELP)
@json_option
def evaluate(model: str, data: str, protocol: str, json_file: str | None) -> None:
    """RMSE and MAE on ratings, known users and items apart from unknown ones, with slices."""
    with one_line_errors():
        from rrn_tf.environment import environment
        from rrn_tf.evaluation.queries import evaluate_file
        from rrn_tf.report.run_summary import print_metrics, print_slices
        from rrn_tf.serving.saved_rrn import SavedRRN

        outcome = evaluate_file(SavedRRN(model), Path(data), protocol)
        print_metrics(outcome.metrics)
        print_slices(outcome.slices)
        for message in outcome.messages:
            click.echo(message, err=True)
        write_json(json_file, {**outcome.metrics, "slices": outcome.slices, **environment(seed=0)})


@main.command(epilog=example("rrn recommend --model runs/a --user 42 --at 2026-01-01 -k 10"))
@click.option("--model", required=True, help="A run directory or a SavedModel.")
@click.option("--user", required=True, help="User id; an unknown one gets a newcomer's recommendations.")
@click.option("--at", "at", help="As of this time: unix seconds or an ISO date (default: the training cutoff).")
@click.option("-k", "k", default=10, show_default=True, type=click.IntRange(min=1))
@json_option
def recommend(model: str, user: str, at: str | None, k: int, json_file: str | None) -> None:
    """The best items for a user as of a time; items already rated are left out."""
    with one_line_errors():
        from rrn_tf.config import parse_time
        from rrn_tf.features import SCORE, TIMESTAMP, Side
        from rrn_tf.report.run_summary import print_recommendations
        from rrn_tf.serving.saved_rrn import SavedRRN

        saved = SavedRRN(model)
        timestamp = saved.cutoff if at is None else parse_time(at)
        known = bool(saved.known(Side.USER, [user])[0])
        if not known:
            click.echo(f"user {user!r} has no training ratings: recommended as to a newcomer", err=True)
        items = saved.recommend(user, timestamp, k)
        print_recommendations(items)
        write_json(
            json_file,
            {
                "user": user,
                "known": known,
                TIMESTAMP: timestamp,
                "items": [{"item": item, SCORE: score} for item, score in items],
            },
        )


@main.command(
    epilog=example("rrn baselines --data ratings.csv", "rrn baselines --model crnn --run runs/b --protocol interleaved")
)
@click.option("--data", help="What to compare on, as for `rrn train`; or --run.")
@click.option("--run", "run_dir", help="A run directory: compares its model too, on its own split.")
@click.option("--model", "kind", type=click.Choice(MODELS), default=MODELS[0], show_default=True, help=_MODEL_HELP)
@click.option("--protocol", type=click.Choice(EVENT_PROTOCOLS), default=EVENT_PROTOCOLS[0], show_default=True)
@click.option("--config", "config_name", help=_CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=_SET_HELP)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@json_option
def baselines(
    data: str | None,
    run_dir: str | None,
    kind: str,
    protocol: str,
    config_name: str | None,
    overrides: tuple[str, ...],
    seed: int,
    json_file: str | None,
) -> None:
    """Every baseline on the same split, one table. --protocol is for events; ratings are compared frozen."""
    import dataclasses
    import tempfile

    if (data is None) == (run_dir is None):
        raise click.UsageError("expected one of --data and --run")
    with one_line_errors(), tempfile.TemporaryDirectory(prefix="rrn-data-") as folder:
        from rrn_tf.collaborative_config import CollaborativeConfig
        from rrn_tf.config import Config
        from rrn_tf.data.datasets import resolve

        pattern = resolve(data, folder).pattern if data else ""
        from rrn_tf.environment import environment
        from rrn_tf.report.run_summary import print_event_leaderboard, print_leaderboard
        from rrn_tf.runs.comparison import compare_events, compare_ratings, load_held_out_events, load_ratings
        from rrn_tf.runs.directory import RunPaths

        run = RunPaths(Path(run_dir)) if run_dir else None
        lines: list[dict[str, Any]] = []
        if kind == RRN:
            ratings = load_ratings(pattern, _config(config_name, overrides, Config), run)
            print_leaderboard(rows := compare_ratings(ratings, run, seed, click.echo))
            lines += map(dataclasses.asdict, rows)
        else:
            events = load_held_out_events(pattern, _config(config_name, overrides, CollaborativeConfig), run)
            print_event_leaderboard(event_rows := compare_events(events, protocol, run, seed, click.echo))
            lines += map(dataclasses.asdict, event_rows)
        write_json(json_file, {"rows": lines, **environment(seed)})


main.add_command(bench)


def _train_events(
    data: str,
    output: str,
    config_name: str | None,
    overrides: tuple[str, ...],
    beam_args: list[str],
    resume: bool,
    json_file: str | None,
) -> None:
    from rrn_tf.collaborative_config import CollaborativeConfig

    with one_line_errors():
        from rrn_tf.data.datasets import resolve

        config = _config(config_name, overrides, CollaborativeConfig)
        source = resolve(data, Path(output, "data"))
        click.echo(source.description)
        from rrn_tf.report.progress import training_listener
        from rrn_tf.report.run_summary import print_event_metrics, print_prepared_events
        from rrn_tf.runs.directory import RunPaths
        from rrn_tf.runs.event_run import train_event_run
        from rrn_tf.training.devices import set_logical_devices

        set_logical_devices(config.training.replicas)
        with training_listener() as listener:
            summary = train_event_run(
                source.pattern,
                output,
                config,
                listeners=[listener],
                on_prepared=print_prepared_events,
                best_nll=source.best_nll,
                beam_args=beam_args,
                resume=resume,
            )
        print_event_metrics(summary)
        _print_places(RunPaths(Path(output)))
        write_json(json_file, summary)


def _print_places(paths: RunPaths) -> None:
    click.echo(f"model  {paths.model}\nlogs   {paths.logs}\ndead letters  {paths.dead_letters}")


def _config(name: str | None, overrides: tuple[str, ...], kind: type[AnyConfig]) -> AnyConfig:
    from rrn_tf.config import ConfigError, load_config

    try:
        return load_config(name, overrides, kind)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


if __name__ == "__main__":
    main()
