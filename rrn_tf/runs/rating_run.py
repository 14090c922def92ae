"""An RRN's run: prepare ratings, train, export."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rrn_tf.config import Config
from rrn_tf.data.metadata import SequenceMetadata
from rrn_tf.environment import environment
from rrn_tf.features import Split
from rrn_tf.runs.directory import RunPaths, prepare_once
from rrn_tf.runs.worker_run import release_workers
from rrn_tf.training.listeners import Listener, Listeners

if TYPE_CHECKING:
    import tensorflow as tf


def train_run(
    pattern: str,
    output: str | Path,
    config: Config,
    *,
    valid: str | None = None,
    strategy: tf.distribute.Strategy | None = None,
    listeners: Sequence[Listener] = (),
    on_prepared: Callable[[SequenceMetadata], None] = lambda metadata: None,
    best_rmse: Callable[[pd.DataFrame], float] | None = None,
    beam_args: Sequence[str] = (),
    resume: bool = False,
) -> dict[str, Any]:
    """Prepares ratings, trains an RRN and exports it into a run directory.

    Args:
      pattern: CSV or Parquet files.
      output: the run directory.
      config: everything that decides the result.
      valid: files of later ratings for validation, in place of the time split.
      strategy: where to train; by default `make_strategy(config.training.replicas)`. Of several workers the chief calls
        this, and the others `rrn_tf.runs.worker_run.train_worker`.
      listeners: are told of training.
      on_prepared: is told of the prepared data before training.
      best_rmse: of generated ratings: the best reachable RMSE on rows with user_id and item_id.
      beam_args: Beam pipeline options, passed through.
      resume: go on with the run that this directory holds, from its last finished phase; begin where there is none.

    Returns:
      What `metrics.json` holds: metrics by split and protocol, the history, seconds, peak memory,
      versions and the seed.

    Raises:
      ResumeError: where the directory holds a run on other ratings or with another model.
      WorkerError: where another worker stops.
    """
    from rrn_tf.beam.prepare import prepare_sequences
    from rrn_tf.serving.export import export_saved_model
    from rrn_tf.training.alternating import train

    paths = RunPaths(Path(output))
    seconds, listener = {}, Listeners(listeners)

    begin = time.perf_counter()
    prepare = partial(
        prepare_sequences,
        pattern,
        str(paths.sequences),
        config.data,
        valid=valid,
        dead_letters=str(paths.dead_letters),
        beam_args=beam_args,
    )
    listener.on_stage("preparing ratings")
    resumed = prepare_once(paths, config, {"data": pattern, "valid": valid}, prepare, resume=resume)
    release_workers(strategy, resumed)
    seconds["prepare"] = time.perf_counter() - begin
    metadata = SequenceMetadata.load(paths.sequences)
    on_prepared(metadata)

    begin = time.perf_counter()
    result = train(
        paths.sequences,
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
    export_saved_model(result.snapshot(), paths.model)
    seconds["export"] = time.perf_counter() - begin

    test = pd.DataFrame(result.sequences.queries([Split.TEST]))
    summary = {
        **result.metrics,
        "parts": result.parts,
        "best_rmse": best_rmse(test) if best_rmse and len(test) else None,
        "best_epoch": result.best_epoch,
        "epochs": [record.as_dict() for record in result.history],
        "ratings": metadata.ratings,
        "rejected": metadata.rejected,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        **environment(config.training.seed),
    }
    paths.metrics.write_text(json.dumps(summary, indent=2) + "\n")
    return summary
