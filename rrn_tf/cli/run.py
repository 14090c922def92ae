"""`rrn run` runs the whole pipeline on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from rrn_tf.cli.options import example, json_option, write_json
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
    finished = subprocess.run([sys.executable, "-m", "pipeline.run_local", *arguments(options)], check=False)
    if finished.returncode:
        sys.exit(finished.returncode)
    record = json.loads(Path(options.output, "run.json").read_text())
    from rrn_tf.console.tables import print_run

    print_run(record)
    write_json(json_file, record)
