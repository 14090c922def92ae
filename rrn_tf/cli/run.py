"""`rrn run`: the whole pipeline on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from rrn_tf.cli.kinds import MODEL_HELP, MODELS
from rrn_tf.cli.options import CONFIG_HELP, SET_HELP, example, json_option, write_json


@click.command(
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
    from rrn_tf.console.tables import print_run

    print_run(record)
    write_json(json_file, record)
