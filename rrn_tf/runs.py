"""A run directory: prepare, train, export, and where everything lies.

config.yaml          the resolved configuration
sequences/           prepared data: sequences, vocabularies, metadata
dead_letters.jsonl   rejected rows
logs/                TensorBoard
checkpoints/         where training stands, and the best weights
source.json          which ratings the sequences were prepared from
model/               the SavedModel
metrics.json         figures of every split
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from rrn_tf.config import Config, dump_config, load_config, write_whole
from rrn_tf.data.metadata import SequenceMetadata
from rrn_tf.environment import environment
from rrn_tf.features import Split
from rrn_tf.training.listeners import Listener

if TYPE_CHECKING:
    import tensorflow as tf


class ResumeError(ValueError):
    """A run that cannot go on; the message says where, what was expected and what was found."""


@dataclass(frozen=True)
class RunPaths:
    """Paths inside a run directory."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config.yaml"

    @property
    def sequences(self) -> Path:
        return self.root / "sequences"

    @property
    def dead_letters(self) -> Path:
        return self.root / "dead_letters.jsonl"

    @property
    def source(self) -> Path:
        return self.root / "source.json"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.json"


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
        this, and the others `train_worker`.
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
    from rrn_tf.serving.export import export_saved_model
    from rrn_tf.training.alternating import train
    from rrn_tf.training.workers import from_chief

    paths = RunPaths(Path(output))
    seconds = {}

    begin = time.perf_counter()
    resumed = _prepare(paths, pattern, valid, config, beam_args, resume)
    if strategy:
        from_chief(strategy, int(resumed))
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
        listeners=listeners,
        resume=resumed,
    )
    seconds["train"] = time.perf_counter() - begin

    begin = time.perf_counter()
    export_saved_model(result, paths.model)
    seconds["export"] = time.perf_counter() - begin

    test = pd.DataFrame(result.sequences.queries([Split.TEST]))
    summary = {
        **result.metrics,
        "best_rmse": best_rmse(test) if best_rmse and len(test) else None,
        "best_epoch": result.best_epoch,
        "history": [record.as_dict() for record in result.history],
        "ratings": metadata.ratings,
        "rejected": metadata.rejected,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        **environment(config.training.seed),
    }
    paths.metrics.write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def train_worker(output: str | Path, config: Config, strategy: tf.distribute.Strategy) -> None:
    """What a worker that is not the chief does: waits for the prepared data, and trains with the chief.

    Args:
      output: the chief's run directory, on a file system that all workers see.
      config: the chief's.
      strategy: of several workers.

    Raises:
      WorkerError: where the chief or another worker stops.
    """
    from rrn_tf.training.alternating import train
    from rrn_tf.training.workers import from_chief

    paths = RunPaths(Path(output))
    resumed = bool(from_chief(strategy, 0))
    train(paths.sequences, paths.checkpoints, config, strategy=strategy, resume=resumed)


def _prepare(
    paths: RunPaths, pattern: str, valid: str | None, config: Config, beam_args: Sequence[str], resume: bool
) -> bool:
    """Fills a run directory up to its sequences; whether it held them already, and a run to go on with."""
    from rrn_tf.beam.prepare import prepare_sequences

    paths.root.mkdir(parents=True, exist_ok=True)
    source = json.dumps({"data": pattern, "valid": valid})
    resumed = resume and paths.config.exists() and paths.source.exists()
    if resumed:
        _check_resumable(paths, config, source)
    else:
        paths.source.unlink(missing_ok=True)
        shutil.rmtree(paths.checkpoints, ignore_errors=True)
    dump_config(config, paths.config)
    if not resumed:
        prepare_sequences(
            pattern,
            str(paths.sequences),
            config.data,
            valid=valid,
            dead_letters=str(paths.dead_letters),
            beam_args=beam_args,
        )
        # Written last: its presence means that everything before it is complete.
        write_whole(paths.source, source)
    return resumed


def _check_resumable(paths: RunPaths, config: Config, source: str) -> None:
    """Other rates or more epochs may go on from a checkpoint; other ratings or another network may not."""
    before = load_config(paths.config)
    if paths.source.read_text() != source:
        raise ResumeError(f"{paths.root}: expected the run's own ratings {paths.source.read_text()}, found {source}")
    for section in ("data", "model"):
        own, new = (dataclasses.asdict(getattr(c, section)) for c in (before, config))
        for key in own:
            if own[key] != new[key]:
                raise ResumeError(
                    f"{paths.config}: expected the run's own {section}.{key}={own[key]}, found {new[key]}"
                )
