"""Times single requests of `next_items` to a saved model of events, in this process.

    python -m benchmarks.next_items_latency --items 23243
    python -m benchmarks.next_items_latency --model runs/events

Without a model, one of the default's sizes with random weights is exported: its answers mean nothing, but take as long.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import tensorflow as tf
import tf_keras as keras

from rrn_tf.bench.event_load import BRIGHTKITE, event_load
from rrn_tf.bench.latency import latencies
from rrn_tf.cli.options import json_option, one_line_errors, write_json
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import CRNN_PLUS, load_config
from rrn_tf.environment import environment
from rrn_tf.features import HISTORY, USER_ID
from rrn_tf.serving.export_events import export_event_model
from rrn_tf.serving.saved_files import find_saved_model
from rrn_tf.states.event_snapshot import EventSnapshot
from rrn_tf.training.truncated_bptt import counted, make_model

USERS, ITEMS, EVENTS = BRIGHTKITE
K = 10
HISTORIES = (0, 3)


@click.command()
@click.option("--model", help="Run directory or SavedModel of events, instead of random weights.")
@click.option("--users", default=USERS, show_default=True, type=click.IntRange(min=1), help="Generated users.")
@click.option("--items", default=ITEMS, show_default=True, type=click.IntRange(min=1), help="Generated items.")
@click.option("--events", default=EVENTS, show_default=True, type=click.IntRange(min=1), help="Generated events.")
@click.option("--requests", default=270, show_default=True, type=click.IntRange(min=1), help="Requests of each kind.")
@json_option
def main(model: str | None, users: int, items: int, events: int, requests: int, json_file: str | None) -> None:
    """Prints the median and tail of the time of a request, and the CPU time of one, all threads together."""
    with one_line_errors(), tempfile.TemporaryDirectory() as folder:
        path = find_saved_model(model) if model else export_untrained_events(users, items, events, Path(folder))
        figures = bench_next_items(path, requests)
    write_json(json_file, {**figures, **environment(0)})


def export_untrained_events(users: int, items: int, events: int, path: Path) -> Path:
    """Saves a model of the default's sizes with random weights and states, and returns its directory."""
    keras.utils.set_random_seed(0)
    config = load_config(CRNN_PLUS, (), CollaborativeConfig)
    sequences, counts = counted(config, event_load(users, items, events, 0, config.data))
    model = make_model(config, sequences)
    states = np.random.default_rng(0).uniform(-1, 1, (users + 1, config.model.units)).astype(np.float32)
    export_event_model(EventSnapshot(model, sequences, states, {}, counts), path)
    return path


def bench_next_items(path: Path, requests: int) -> dict[str, Any]:
    """Times requests of one user each, with no new events and with some.

    Args:
      path: the SavedModel.
      requests: number of requests of each kind.
    """
    loaded = tf.saved_model.load(str(path))
    users, items = (names.numpy()[1:] for names in (loaded.user_ids, loaded.item_ids))
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    click.echo(f"model    {len(users):,} users, {len(items):,} items, {size / 1e6:.1f} MB")
    figures: dict[str, Any] = {"users": len(users), "items": len(items), "bytes": size}
    for width in HISTORIES:
        ask = _asking(loaded, users, items, width)
        begin = time.process_time()
        found = latencies(ask, requests)
        found["cpu_ms"] = (time.process_time() - begin) / requests * 1e3
        line = "  ".join(f"{name} {found[f'{name}_ms']:.2f} ms" for name in ("p50", "p95", "cpu"))
        click.echo(f"request  {line}  in process, k {K}, {width} new events")
        figures[f"history_{width}"] = found
    return figures


def _asking(loaded: Any, users: Any, items: Any, width: int) -> Callable[[int], Any]:
    signature = loaded.signatures["next_items"]
    history = tf.constant(items[np.newaxis, :width], tf.string)

    def ask(number: int) -> Any:
        user = tf.constant([users[number % len(users)]])
        answer = signature(**{USER_ID: user, HISTORY: history, "k": tf.constant(K)})
        return [values.numpy() for values in answer.values()]

    return ask


if __name__ == "__main__":
    main()
