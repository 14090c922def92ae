"""Alternating subspace descent: user phase, item phase, again (Section 3.4)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

from rrn_tf.config import Config
from rrn_tf.data.batches import plan_batches
from rrn_tf.data.sequences import RatingSequences, load_sequences
from rrn_tf.evaluation.metrics import rmse
from rrn_tf.evaluation.protocols import Metrics, evaluate
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.models.rrn import RRN
from rrn_tf.training.devices import make_strategy
from rrn_tf.training.listeners import EpochRecord, Listener, Listeners, TensorBoard
from rrn_tf.training.phases import Phase, TrainingError
from rrn_tf.training.pretraining import pretrain_factors, start_at_mean
from rrn_tf.training.row_states import RowStates


@dataclass(frozen=True)
class TrainingResult:
    """A trained network, best on validation, with the states at the cutoff.

    Attributes:
      model: the network.
      sequences: the data it was trained on.
      states: its cached row states.
      history: a record per epoch.
      best_epoch: the epoch whose weights these are; 0 is the start.
      metrics: ``{split: {protocol: {"rmse", "mae", "n"}}}`` (see `rrn_tf.evaluation.protocols`).
    """

    model: RRN
    sequences: RatingSequences
    states: RowStates
    history: list[EpochRecord]
    best_epoch: int
    metrics: Metrics


def make_model(config: Config, sequences: RatingSequences) -> RRN:
    """An untrained network that fits a data set."""
    sizes = config.model
    return RRN(
        sequences.metadata.users.trained,
        sequences.metadata.items.trained,
        cell=sizes.cell,
        units=sizes.units,
        embedding=sizes.embedding,
        dynamic_units=sizes.dynamic,
        stationary=sizes.stationary,
    )


def train(
    data_dir: str | Path,
    output_dir: str | Path,
    config: Config,
    *,
    log_dir: str | Path | None = None,
    strategy: tf.distribute.Strategy | None = None,
    listeners: Sequence[Listener] = (),
) -> TrainingResult:
    """Trains an RRN on prepared sequences.

    Args:
      data_dir: a prepared data set (see `rrn_tf.data.sequences.load_sequences`).
      output_dir: the best weights go to its `checkpoints`.
      config: everything that decides the result.
      log_dir: for TensorBoard.
      strategy: where to train; by default `make_strategy(config.training.replicas)`.
      listeners: are told of batches and epochs.

    Raises:
      TrainingError: where the loss is not finite, naming phase, epoch and batch.
    """
    settings = config.training
    keras.utils.set_random_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    strategy = strategy or make_strategy(settings.replicas)
    listener = Listeners([*listeners, *([TensorBoard(Path(log_dir))] if log_dir else [])])

    sequences = load_sequences(data_dir)
    with strategy.scope():
        model = make_model(config, sequences)
        plans = {
            side: plan_batches(
                sequences.side(side), sequences.metadata, settings.rows_per_batch, strategy.num_replicas_in_sync
            )
            for side in SIDES
        }
        states = RowStates(model, sequences, plans)
    phases = [Phase(side, model, states, plans[side], settings, strategy) for side in SIDES]
    checkpoint = tf.train.Checkpoint(model=model)
    best_path = str(Path(output_dir, "checkpoints", "best"))

    valid = sequences.rows_of([Split.VALID])
    valid_rating = sequences.user.rating[valid]
    listener.on_start(
        f"{plans[Side.USER].num_ratings:,} training ratings, {len(valid):,} for validation; "
        f"{len(plans[Side.USER])} user and {len(plans[Side.ITEM])} item batches an epoch"
    )
    start_at_mean(model, sequences.metadata.rating_mean)
    pretrain_factors(model, sequences, settings)
    for side in SIDES:
        states.refresh(side)

    def score() -> float:
        return rmse(states.predict(valid), valid_rating) if len(valid) else float("inf")

    history: list[EpochRecord] = []
    best, best_epoch = score(), 0
    checkpoint.write(best_path)
    for epoch in range(1, settings.epochs + 1):
        outcome = _run_epoch(epoch, phases, states, rng, listener)
        found = score()
        # Without validation ratings the last epoch is the one to keep.
        if is_best := found < best or not len(valid):
            best, best_epoch = found, epoch
            checkpoint.write(best_path)
        history.append(EpochRecord(epoch=epoch, valid_rmse=found, best=is_best, **outcome))
        listener.on_epoch(history[-1])
        if settings.patience and epoch - best_epoch >= settings.patience:
            break

    if history and not history[-1].best:
        checkpoint.read(best_path).expect_partial()
        for side in SIDES:
            states.refresh(side)
    return TrainingResult(model, sequences, states, history, best_epoch, evaluate(states, settings.rows_per_batch))


def _run_epoch(
    epoch: int, phases: Sequence[Phase], states: RowStates, rng: np.random.Generator, listener: Listener
) -> dict[str, float]:
    """Each phase once, its side's cached states recomputed after it: RMSE and seconds of both."""
    outcome = {}
    for phase in phases:
        begin = time.perf_counter()
        try:
            outcome[f"{phase.side.value}_rmse"] = phase.run(rng, partial(listener.on_batch, epoch, phase.name))
        except TrainingError as error:
            raise TrainingError(f"epoch {epoch}, {error}") from None
        states.refresh(phase.side)
        outcome[f"{phase.side.value}_seconds"] = time.perf_counter() - begin
    return outcome
