"""Trains the Collaborative RNN on files in its authors' format with several seeds: loss and seconds of an epoch.

python -m benchmarks.crnn_seeds brightkite-train.txt brightkite-valid.txt --config paper-brightkite --seeds 0,1,2
"""

from __future__ import annotations

import dataclasses
import os
import statistics
import tempfile
import time
from typing import Any

import click

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

from benchmarks.authors_format import read_events
from rrn_tf.cli.options import CONFIG_HELP, SET_HELP, json_option, one_line_errors, resolved_config, write_json
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.data.events import EventSequences
from rrn_tf.environment import environment
from rrn_tf.evaluation.event_protocols import EVENT_PROTOCOLS
from rrn_tf.evaluation.network_scores import network_figures
from rrn_tf.evaluation.tables import aligned_text
from rrn_tf.features import Split
from rrn_tf.training.listeners import Listener, Record
from rrn_tf.training.truncated_bptt import train


class Stopwatch(Listener):
    """Measures the seconds of each epoch, including its validation and checkpoint."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_start(self, description: str) -> None:
        self._begin = time.perf_counter()

    def on_epoch(self, record: Record) -> None:
        now = time.perf_counter()
        self.seconds.append(now - self._begin)
        self._begin = now


class Seeds(click.ParamType):
    """An option of integers that are separated by commas."""

    name = "seeds"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        try:
            return [int(seed) for seed in value.split(",")]
        except ValueError:
            self.fail(f"expected seeds such as 0,1,2, found {value!r}", param, ctx)


@click.command()
@click.argument("train_file", metavar="TRAIN", type=click.Path(exists=True, dir_okay=False))
@click.argument("valid_file", metavar="VALID", type=click.Path(exists=True, dir_okay=False))
@click.option("--config", "config_name", default="paper-brightkite", show_default=True, help=CONFIG_HELP)
@click.option("--set", "overrides", multiple=True, metavar="a.b=c", help=SET_HELP)
@click.option("--seeds", type=Seeds(), default="0", show_default=True)
@click.option("--carve-out", is_flag=True, help="Choose the epoch on the last tenth of TRAIN; use VALID for test only.")
@json_option
def main(
    train_file: str,
    valid_file: str,
    config_name: str,
    overrides: tuple[str, ...],
    seeds: list[int],
    carve_out: bool,
    json_file: str | None,
) -> None:
    """Trains on TRAIN with each seed up to the best epoch on VALID, and prints loss and seconds."""
    config = resolved_config(config_name, overrides, CollaborativeConfig)
    with one_line_errors():
        sequences = read_events(train_file, valid_file, carve_out=carve_out)
        runs = [run_of(sequences, config, seed) for seed in seeds]
    click.echo(table(runs))
    write_json(json_file, {"runs": runs, "config": dataclasses.asdict(config), **environment(seeds[0])})


def run_of(sequences: EventSequences, config: CollaborativeConfig, seed: int) -> dict[str, Any]:
    """Trains with one seed.

    Returns:
      ``seed``; ``best_epoch`` and ``epochs``; ``valid`` and, with test events, ``test``: NLL of the best epoch in nats
      by protocol; ``epoch_seconds``, without the first epoch, in which TensorFlow compiles; ``load``, the machine's
      load average over the last minute.
    """
    own = dataclasses.replace(config, training=dataclasses.replace(config.training, seed=seed))
    watch = Stopwatch()
    with tempfile.TemporaryDirectory(prefix="rrn-benchmark-") as folder:
        result = train(sequences, folder, own, listeners=[watch])
    load, _, _ = os.getloadavg()
    losses = {name: {key: of["nll"] for key, of in found.items()} for name, found in result.metrics.items()}
    if Split.TEST.label in losses:
        losses[Split.TEST.label] = {
            protocol: network_figures(result.model, sequences, protocol, splits=[Split.TEST])[Split.TEST.label]["nll"]
            for protocol in EVENT_PROTOCOLS
        }
    return {
        "seed": seed,
        "best_epoch": result.best_epoch,
        "epochs": len(result.history),
        **losses,
        "epoch_seconds": watch.seconds[1:] or watch.seconds,
        "load": load,
    }


def table(runs: list[dict[str, Any]]) -> str:
    """Formats a table with one line for each seed."""
    places = [(split, protocol) for split in ("valid", "test") for protocol in EVENT_PROTOCOLS if split in runs[0]]
    headings = ["seed", "epoch", *(f"{split} {protocol}" for split, protocol in places), "s/epoch", "median", "load"]
    lines = []
    for run in runs:
        nll = [run[split].get(protocol) for split, protocol in places]
        seconds = run["epoch_seconds"]
        lines.append(
            [
                str(run["seed"]),
                f"{run['best_epoch']}/{run['epochs']}",
                *("" if value is None else f"{value:.4f}" for value in nll),
                f"{min(seconds):.2f}",
                f"{statistics.median(seconds):.2f}",
                f"{run['load']:.1f}",
            ]
        )
    return aligned_text(headings, lines)


if __name__ == "__main__":
    main()
