"""`rrn run` runs the whole pipeline on this machine."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

import rrn_tf
from rrn_tf.cli.failures import DEBUG, debugging
from rrn_tf.cli.options import STANDARD_OUTPUT, example, json_option, one_line_errors, write_json
from rrn_tf.cli.pipeline_options import RunOptions, arguments, options_of
from rrn_tf.ending import code_of, told_to_end


@click.command(
    epilog=example("rrn run --data movielens-small --output runs/demo", "rrn run --model crnn --data events.csv")
)
@options_of(RunOptions)
@json_option
def run(json_file: str | None, **values: Any) -> None:
    """Runs the whole TFX pipeline on this machine. The model is compared with its baselines."""
    options = RunOptions(**values)
    with one_line_errors():
        # The library must not import TFX, so the pipeline runs in a process of its own.
        # Its standard output goes to standard error if this process's is for the figures alone.
        code = _run_module("pipeline.run_local", arguments(options), 2 if json_file == STANDARD_OUTPUT else None)
        if code:
            sys.exit(code)
        record = json.loads(Path(options.output, "run.json").read_text())
        from rrn_tf.console.tables import print_run

        print_run(record)
        write_json(json_file, record)


_HOME = Path(rrn_tf.__file__).resolve().parent.parent
# Python looks for modules in the working directory first, where a user may have a `pipeline.py` or a folder
# `components`. Its option -P, which prevents that, is not known to Python 3.10.
_START = """
import os, runpy, sys
home, module = sys.argv[1:3]
del sys.argv[1:3]
real = {path: os.path.realpath(path) for path in sys.path}
sys.path[:] = [path for path in sys.path if real[path] == home or real[path] != os.path.realpath(os.getcwd())]
if home not in real.values():
    sys.path.append(home)
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def _run_module(module: str, argv: Sequence[str], output: int | None = None) -> int:
    """Runs a module that is installed beside this package in a process of its own, and returns its exit code.

    Args:
      module: its name.
      argv: its arguments.
      output: the file descriptor of its standard output; by default this process's.
    """
    import subprocess

    # The second variable keeps modules of the working directory from processes that this one starts, from Python 3.11.
    environment = {**os.environ, "PYTHONSAFEPATH": "1", **({DEBUG: "1"} if debugging() else {})}
    process = subprocess.Popen(
        [sys.executable, "-c", _START, str(_HOME), module, *argv], env=environment, stdout=output
    )
    with told_to_end(lambda number, frame: process.send_signal(number)):
        try:
            code = process.wait()
        except KeyboardInterrupt:
            code = process.wait()  # Ctrl-C goes to both processes, and this one says how to go on
    return code_of(-code) if code < 0 else code
