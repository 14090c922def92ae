"""`rrn run` runs the whole pipeline on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from rrn_tf.cli.options import STANDARD_OUTPUT, example, json_option, write_json
from rrn_tf.cli.pipeline_options import RunOptions, arguments, options_of


@click.command(
    epilog=example("rrn run --data movielens-small --output runs/demo", "rrn run --model crnn --data events.csv")
)
@options_of(RunOptions)
@json_option
def run(json_file: str | None, **values: Any) -> None:
    """Runs the whole TFX pipeline on this machine. The model is compared with its baselines."""
    import subprocess

    options = RunOptions(**values)
    # The library must not import TFX, so the pipeline runs in a process of its own.
    command = [sys.executable, "-m", "pipeline.run_local", *arguments(options)]
    # Its standard output is standard error's file if this process's is for the figures alone.
    finished = subprocess.run(command, check=False, stdout=2 if json_file == STANDARD_OUTPUT else None)
    if finished.returncode:
        sys.exit(finished.returncode)
    record = json.loads(Path(options.output, "run.json").read_text())
    from rrn_tf.console.tables import print_run

    print_run(record)
    write_json(json_file, record)
