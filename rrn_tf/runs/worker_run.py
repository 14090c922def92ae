"""A run of several workers: the chief prepares the data, the others wait for it, and all train together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import Config
from rrn_tf.runs.directory import RunPaths
from rrn_tf.training.workers import from_chief

if TYPE_CHECKING:
    import tensorflow as tf


def release_workers(strategy: tf.distribute.Strategy | None, resumed: bool) -> None:
    """What the chief does once the data are prepared: lets those go on that wait in `train_worker`.

    Args:
      strategy: of several workers; without, nobody waits.
      resumed: whether training goes on from the run directory's checkpoints.

    Raises:
      WorkerError: where another worker stops.
    """
    if strategy:
        from_chief(strategy, int(resumed))


def train_worker(output: str | Path, config: Config | CollaborativeConfig, strategy: tf.distribute.Strategy) -> None:
    """What a worker that is not the chief does: waits for the prepared data, and trains with the chief.

    Args:
      output: the chief's run directory, on a file system that all workers see.
      config: the chief's.
      strategy: of several workers.

    Raises:
      WorkerError: where the chief or another worker stops.
    """
    from rrn_tf.data.load_events import load_events
    from rrn_tf.training import alternating, truncated_bptt

    paths = RunPaths(Path(output))
    resumed = bool(from_chief(strategy, 0))
    if isinstance(config, CollaborativeConfig):
        events = load_events(paths.sequences)
        truncated_bptt.train(events, paths.checkpoints, config, strategy=strategy, resume=resumed)
    else:
        alternating.train(paths.sequences, paths.checkpoints, config, strategy=strategy, resume=resumed)
