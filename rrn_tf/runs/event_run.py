"""A Collaborative RNN's run: prepare events, train, export."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rrn_tf import features
from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.data.metadata import EventMetadata
from rrn_tf.environment import environment
from rrn_tf.features import Split
from rrn_tf.runs.directory import RunPaths, prepare_once
from rrn_tf.runs.worker_run import release_workers
from rrn_tf.training.listeners import Listener, Listeners

if TYPE_CHECKING:
    import tensorflow as tf


def train_event_run(
    pattern: str,
    output: str | Path,
    config: CollaborativeConfig,
    *,
    valid: str | None = None,
    strategy: tf.distribute.Strategy | None = None,
    listeners: Sequence[Listener] = (),
    on_prepared: Callable[[EventMetadata], None] = lambda metadata: None,
    best_nll: Callable[[pd.DataFrame], float] | None = None,
    beam_args: Sequence[str] = (),
    resume: bool = False,
) -> dict[str, Any]:
    """Prepares events, trains a Collaborative RNN and exports it into a run directory.

    Args:
      pattern: of the events (see `rrn_tf.beam.prepare_events`).
      output: the run directory.
      config: everything that decides the result.
      valid: files of later events for validation, in place of the last ones of each user; there is no test then.
      strategy: where to train; by default `make_strategy(config.training.replicas)`. Of several workers the chief calls
        this, and the others `rrn_tf.runs.worker_run.train_worker`.
      listeners: are told of training.
      on_prepared: is told of the prepared data before training.
      best_nll: of generated events: the best reachable loss on rows with user_id and timestamp.
      beam_args: Beam pipeline options, passed through.
      resume: go on with the run that this directory holds, from its last finished epoch; begin where there is none.

    Returns:
      What `metrics.json` holds: metrics by split and protocol, the history, seconds, peak memory,
      versions and the seed.

    Raises:
      ResumeError: where the directory holds a run on other events or with another model.
      WorkerError: where another worker stops.
    """
    from rrn_tf.beam.prepare_events import prepare_events
    from rrn_tf.data.load_events import load_events
    from rrn_tf.evaluation.event_protocols import EVENT_PROTOCOLS
    from rrn_tf.evaluation.network_scores import network_figures
    from rrn_tf.serving.export_events import export_event_model
    from rrn_tf.training.truncated_bptt import train

    paths = RunPaths(Path(output))
    seconds, listener = {}, Listeners(listeners)

    begin = time.perf_counter()
    prepare = partial(
        prepare_events,
        pattern,
        str(paths.sequences),
        config.data,
        valid=valid,
        dead_letters=str(paths.dead_letters),
        beam_args=beam_args,
    )
    listener.on_stage("preparing events")
    # Runs of an earlier version, which may be resumed, say nothing of `valid`.
    source = {"data": pattern} | ({"valid": valid} if valid else {})
    resumed = prepare_once(paths, config, source, prepare, resume=resume)
    release_workers(strategy, resumed)
    seconds["prepare"] = time.perf_counter() - begin
    metadata = EventMetadata.load(paths.sequences)
    on_prepared(metadata)

    begin = time.perf_counter()
    sequences = load_events(paths.sequences)
    result = train(
        sequences,
        paths.checkpoints,
        config,
        log_dir=paths.logs,
        strategy=strategy,
        listeners=[listener],
        resume=resumed,
    )
    seconds["train"] = time.perf_counter() - begin

    begin = time.perf_counter()
    listener.on_stage("exporting the model")
    export_event_model(result, paths.model)
    seconds["export"] = time.perf_counter() - begin

    listener.on_stage("predicting by both protocols")
    metrics: dict[str, Any] = {}
    for protocol in EVENT_PROTOCOLS:
        for split, figures in network_figures(result.model, result.sequences, protocol, counts=result.counts).items():
            metrics.setdefault(split, {})[protocol] = figures
    held_out = Split.TEST if metadata.events.get(Split.TEST.label) else Split.VALID
    at = sequences.split == held_out
    frame = pd.DataFrame(
        {
            features.USER_ID: sequences.user_ids[sequences.user[at] - 1],
            features.TIMESTAMP: sequences.timestamp[at],
        }
    )
    summary = {
        **metrics,
        "best_nll": best_nll(frame) if best_nll and len(frame) else None,
        "best_epoch": result.best_epoch,
        "epochs": [record.as_dict() for record in result.history],
        "events": metadata.events,
        "rejected": metadata.rejected,
        "dropped": metadata.dropped,
        "dropped_users": metadata.dropped_users,
        "dropped_items": metadata.dropped_items,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        **environment(config.training.seed),
    }
    paths.metrics.write_text(json.dumps(summary, indent=2) + "\n")
    return summary
