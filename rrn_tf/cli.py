"""The command line. Declares options and prints; heavy modules are imported when a command needs them."""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path

import click

from rrn_tf.bench.commands import bench
from rrn_tf.command import CONFIG_HELP, SET_HELP, example, json_option, one_line_errors, write_json
from rrn_tf.runs.commands import EVENT_PROTOCOLS, MODEL_HELP, MODELS, baselines, train
from rrn_tf.runs.recommend import recommend
from rrn_tf.runs.score import score
from rrn_tf.runs.tune import tune
from rrn_tf.runs.update import update
from rrn_tf.version import __version__

PROTOCOLS = ("frozen", "streaming")  # as in rrn_tf.evaluation.protocols, which needs TensorFlow
_PROTOCOL_HELP = "Streaming needs ratings and reveals each to strictly later steps."


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


@main.command(
    epilog=example("rrn run --data movielens-small --output runs/demo", "rrn run --model crnn --data events.csv")
)
@click.option("--model", "kind", type=click.Choice(MODELS), default=MODELS[0], show_default=True, help=MODEL_HELP)
@click.option("--data", help="As for `rrn train`; movielens-small or synthetic-events by default.")
@click.option("--output", default="runs/pipeline", show_default=True, type=click.Path(file_okay=False))
@click.option("--config", "config_name", help=f"{CONFIG_HELP} Of ratings rrn-plus by default.")
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@click.option("--tune", "minutes", type=float, help="Minutes of a search for better settings before training.")
@click.option("--space", "space_file", help="What it searches, as for `rrn tune`, but for settings of data.")
@click.option("--max-rmse", type=float, help="A model with a larger test RMSE is not pushed.")
@click.option("--max-nll", type=float, help="A Collaborative RNN with a larger loss is not pushed.")
@click.option("--beam-args", default="", help="Beam pipeline options, as one string.")
@click.option("--no-cache", is_flag=True, help="Runs every component anew.")
@json_option
def run(
    kind: str,
    data: str | None,
    output: str,
    config_name: str | None,
    overrides: tuple[str, ...],
    minutes: float | None,
    space_file: str | None,
    max_rmse: float | None,
    max_nll: float | None,
    beam_args: str,
    no_cache: bool,
    json_file: str | None,
) -> None:
    """Runs the whole TFX pipeline on this machine and compares the model with its baselines."""
    import subprocess

    # The library may not import TFX: the pipeline runs beside it.
    arguments = [f"--model={kind}", f"--output={output}", f"--beam-args={beam_args}"]
    arguments += [f"--data={data}"] if data else []
    arguments += [f"--config={config_name}"] if config_name else []
    arguments += [f"--set={override}" for override in overrides]
    arguments += [f"--tune={minutes}"] if minutes is not None else []
    arguments += [f"--space={space_file}"] if space_file else []
    arguments += [f"--max-rmse={max_rmse}"] if max_rmse is not None else []
    arguments += [f"--max-nll={max_nll}"] if max_nll is not None else []
    arguments += ["--no-cache"] if no_cache else []
    finished = subprocess.run([sys.executable, "-m", "pipeline.run_local", *arguments], check=False)
    if finished.returncode:
        sys.exit(finished.returncode)
    record = json.loads(Path(output, "run.json").read_text())
    from rrn_tf.report.run_summary import print_run

    print_run(record)
    write_json(json_file, record)


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
                f"{outcome.before_cutoff:,} queries lie before the last rating that the model has seen: "
                "answered as of then, so they are no forecasts",
                err=True,
            )
        for message in outcome.messages:
            click.echo(message, err=True)
        write_json(json_file, {"protocol": protocol, **outcome.as_dict()})


@main.command(
    epilog=example(
        "rrn evaluate --model runs/a --data later_ratings.csv",
        "rrn evaluate --model runs/b --data later_events.csv --metrics nll,ndcg -k 5 -k 20 --new-only",
    )
)
@click.option("--model", required=True, help="A run directory or a SavedModel.")
@click.option("--data", required=True, help="What the model has not seen: CSV, user_id,item_id[,rating],timestamp.")
@click.option(
    "--protocol",
    type=click.Choice([*PROTOCOLS, *EVENT_PROTOCOLS]),
    help=f"Of ratings {PROTOCOLS[0]} (the default) or {PROTOCOLS[1]}; of events {' or '.join(EVENT_PROTOCOLS)}.",
)
@click.option("--metrics", help="Of events, with commas between: nll, hit, mrr, ndcg (default: all).")
@click.option("-k", "ks", multiple=True, type=click.IntRange(min=1), help="Of events' hit and NDCG (default: 10).")
@click.option(
    "--new-only", is_flag=True, help="Of events: discovery. Only items that are new to the user, among such items."
)
@json_option
def evaluate(
    model: str,
    data: str,
    protocol: str | None,
    metrics: str | None,
    ks: tuple[int, ...],
    new_only: bool,
    json_file: str | None,
) -> None:
    """RMSE and MAE on ratings, known users and items apart from unknown ones, with slices; of a Collaborative RNN the
    loss and ranks of next items, and the same by kind of event.
    """
    with one_line_errors():
        from rrn_tf.environment import environment
        from rrn_tf.evaluation.event_figures import METRICS, Measures
        from rrn_tf.evaluation.event_file import evaluate_event_file
        from rrn_tf.evaluation.queries import evaluate_file
        from rrn_tf.report.run_summary import print_event_metrics, print_metrics, print_slices
        from rrn_tf.serving.load import load_saved_model
        from rrn_tf.serving.saved_rrn import SavedRRN

        saved = load_saved_model(model)
        protocols = PROTOCOLS if isinstance(saved, SavedRRN) else EVENT_PROTOCOLS
        protocol = protocol or protocols[0]
        if protocol not in protocols:
            raise click.UsageError(f"{model}: expected the protocol {' or '.join(protocols)}, found {protocol}")
        if isinstance(saved, SavedRRN):
            if metrics is not None or ks or new_only:
                raise click.UsageError(
                    f"{model}: --metrics, -k and --new-only are for events, found a model of ratings"
                )
            outcome = evaluate_file(saved, Path(data), protocol)
            print_metrics(outcome.metrics)
        else:
            names = METRICS if metrics is None else tuple(name.strip() for name in metrics.split(","))
            try:
                measures = Measures(names, tuple(dict.fromkeys(ks)) or (10,))
            except ValueError as error:
                raise click.UsageError(f"--metrics: {error}") from None
            outcome = evaluate_event_file(saved, Path(data), protocol, measures, new_only=new_only)
            print_event_metrics(outcome.metrics)
        print_slices(outcome.slices)
        for message in outcome.messages:
            click.echo(message, err=True)
        write_json(json_file, {**outcome.metrics, "slices": outcome.slices, **environment(seed=0)})


main.add_command(train)
main.add_command(tune)
main.add_command(recommend)
main.add_command(score)
main.add_command(update)
main.add_command(baselines)
main.add_command(bench)


if __name__ == "__main__":
    main()
