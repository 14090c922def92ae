"""The command `rrn`. Slow imports are made only when a command needs them."""

from __future__ import annotations

import os
import sys
import warnings

import click

from rrn_tf.cli.baselines import baselines
from rrn_tf.cli.bench import bench
from rrn_tf.cli.evaluate import evaluate
from rrn_tf.cli.export_states import export_states
from rrn_tf.cli.failures import add_debug
from rrn_tf.cli.options import example
from rrn_tf.cli.predict import predict
from rrn_tf.cli.recommend import recommend
from rrn_tf.cli.report import report
from rrn_tf.cli.run import run
from rrn_tf.cli.score import score
from rrn_tf.cli.similar import similar
from rrn_tf.cli.train import train
from rrn_tf.cli.tune import tune
from rrn_tf.cli.update import update
from rrn_tf.version import __version__


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=example("rrn train --data ratings.csv --output runs/a", "rrn recommend --model runs/a --user 42"),
)
@click.version_option(__version__, prog_name="rrn")
def main() -> None:
    """Trains recurrent recommenders on ratings or events, and predicts and recommends by them."""
    # Hides TensorFlow's start-up messages from users of the command line; both variables can be set otherwise.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


for command in (
    run,
    train,
    tune,
    predict,
    evaluate,
    recommend,
    similar,
    export_states,
    score,
    update,
    baselines,
    report,
    bench,
):
    add_debug(command)
    main.add_command(command)


if __name__ == "__main__":
    main()
