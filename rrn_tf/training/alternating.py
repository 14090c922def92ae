"""Alternating subspace descent: trains user phase and item phase in turn (Section 3.4)."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import tensorflow as tf

from rrn_tf.config import Config
from rrn_tf.data.batches import BatchPlan, plan_batches
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.evaluation.protocols import FROZEN, STREAMING, evaluate
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.models.rrn import RRN
from rrn_tf.slow_work import working
from rrn_tf.states.snapshot import Metrics, RRNSnapshot
from rrn_tf.states.step_states import StepStates
from rrn_tf.states.streaming import streaming_states
from rrn_tf.training.epochs import Epoch, OnBatch, Training
from rrn_tf.training.listeners import EpochRecord, Listener
from rrn_tf.training.parts import ValidationScorer, parts_alone, selection_splits, set_factors, weigh_parts
from rrn_tf.training.phases import Phase
from rrn_tf.training.pretraining import pretrain_factors, start_at_mean
from rrn_tf.training.training_data import TrainingData
from rrn_tf.training.workers import Workers, from_chief, take_from_chief

_TESTS = (Split.TEST, Split.TEST_COLD)


@dataclass(frozen=True)
class TrainingResult:
    """A trained network with the weights of the best epoch on validation, and its states at the cutoff.

    Attributes:
      model: the network.
      sequences: the training data; of several workers with their own ratings each, the chief's hold those of all users.
      states: the network's cached row states.
      history: one record per epoch.
      best_epoch: the epoch of these weights; 0 means the initial weights.
      metrics: ``{split: {protocol: {"rmse", "mae", "n"}}}`` (see `rrn_tf.evaluation.protocols`).
      parts: ``{split: {protocol: {part: rmse}}}`` of each part alone and of the whole model.
    """

    model: RRN
    sequences: RatingSequences
    states: StepStates
    history: list[EpochRecord]
    best_epoch: int
    metrics: Metrics
    parts: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    def snapshot(self) -> RRNSnapshot:
        """Returns the network with the states at its cutoff, to be saved."""
        return RRNSnapshot.at_cutoff(self.states, self.metrics)


def make_model(config: Config, sequences: RatingSequences) -> RRN:
    """Returns an untrained network with the sizes of a data set."""
    sizes = config.model
    return RRN(
        sequences.metadata.users.trained,
        sequences.metadata.items.trained,
        cell=sizes.cell,
        units=sizes.units,
        embedding=sizes.embedding,
        dynamic_units=sizes.dynamic,
        stationary=sizes.stationary,
        inputs=sizes.inputs,
        include_opposite_state=sizes.include_opposite_state,
        ensemble=sizes.ensemble,
        time_feature=sizes.time_feature,
        time_scale=sequences.metadata.wallclock_std / 86_400,
        bayesian_factors=sizes.bayesian_factors,
    )


def train(
    data: str | Path | RatingSequences,
    checkpoint_dir: str | Path,
    config: Config,
    *,
    log_dir: str | Path | None = None,
    strategy: tf.distribute.Strategy | None = None,
    listeners: Sequence[Listener] = (),
    resume: bool = False,
) -> TrainingResult:
    """Trains an RRN on prepared sequences.

    Args:
      data: a prepared data set, or its directory (see `TrainingData`).
      checkpoint_dir: the directory of checkpoints and best weights (see `rrn_tf.training.checkpoints`).
      config: the complete configuration.
      log_dir: the directory of TensorBoard logs.
      strategy: the devices to train on; by default `make_strategy(config.training.replicas)`. Each of several workers
        calls `train`, with the same arguments; only the chief writes.
      listeners: notified of batches and epochs.
      resume: whether to resume from the last finished phase in `checkpoint_dir`, as if training had never stopped, or
        from the start if there is none. All workers read that directory.

    Raises:
      TooLargeError: if sequences, cached states and tables need more memory than there is.
      TrainingError: if the loss is not finite or explodes, naming epoch, phase, batch and the last good checkpoint.
      WorkerError: if another worker stops.
    """
    settings = config.training
    training = Training(
        settings, checkpoint_dir, strategy=strategy, listeners=listeners, log_dir=log_dir, resume=resume
    )
    replicas, peers = training.strategy.num_replicas_in_sync, Workers(training.strategy)
    given = TrainingData(data, config, replicas, peers)
    sequences = given.sequences
    with training.strategy.scope():
        model = make_model(config, sequences)
        plans = {
            side: plan_batches(sequences.side(side), sequences.metadata, settings.rows_per_batch, replicas)
            for side in SIDES
        }
        states = StepStates(model, sequences, plans, peers=peers)
    training.listener.on_start(
        f"{plans[Side.USER].num_ratings:,} training ratings, {sequences.count(Split.VALID):,} for "
        f"validation; {len(plans[Side.USER])} user and {len(plans[Side.ITEM])} item batches an epoch"
    )
    epoch = AlternatingEpoch(config, states, plans, training, given)
    progress = training.run(epoch)
    if progress.best_epoch < len(progress.records):
        training.restore_best()
    epoch.weigh_parts(trained=progress.best_epoch > 0)
    training.listener.on_stage("predicting by both protocols")
    with working("predicting by both protocols"):
        streamed = streaming_states(model, sequences, settings.rows_per_batch, peers=peers, begun=states)
        by_protocol = {FROZEN: states, STREAMING: streamed}
        metrics = evaluate(by_protocol)
        parts = parts_alone(by_protocol, [split for split in Split if split is not Split.TRAIN])
    states.end_division()
    if training.chief:
        states.sequences = given.all_users()
    del by_protocol, streamed
    gc.collect()  # the streaming states, whose functions refer to them
    return TrainingResult(model, states.sequences, states, progress.records, progress.best_epoch, metrics, parts)


class AlternatingEpoch(Epoch):
    """An epoch of the user phase, then the item phase, validated by the protocols of `training.selection`.

    Args:
      config: the complete configuration.
      states: cached row states of the network.
      plans: each side's batches.
      training: the training that runs these epochs.
      data: the training's ratings.
    """

    record = EpochRecord
    loss = "valid_rmse"

    def __init__(
        self,
        config: Config,
        states: StepStates,
        plans: Mapping[Side, BatchPlan],
        training: Training,
        data: TrainingData,
    ) -> None:
        self.model = states.model
        self._settings = config.training
        self._states = states
        self._training = training
        self._data = data
        self.phases: list[Phase] = [
            Phase(side, states.model, states, plans[side], config.training, training.strategy) for side in SIDES
        ]
        self.validated = any(map(states.sequences.has, selection_splits(self._settings.selection)))
        self._scorer_states: dict[str, StepStates] = {}
        self._scorer: ValidationScorer | None = None

    @cached_property
    def _seen(self) -> RatingSequences:
        """The data without test ratings, which must not even enter the states on which weights are selected.

        A copy of all others, which the frozen protocol does not need: it observes training ratings alone.
        """
        return self._states.sequences.without(_TESTS)

    def initialize(self) -> None:
        model, settings, sequences = self.model, self._settings, self._states.sequences
        start_at_mean(model, sequences.metadata.rating_mean)
        if self._training.chief:  # the others take the chief's
            pretrain_factors(model, self._data.all_users, settings)
        if model.bayesian_factors and self._training.chief:
            on_stage = self._training.listener.on_stage
            on_stage("fitting Bayesian factors")
            with working("fitting Bayesian factors"):
                set_factors(model, self._seen, settings.seed, on_stage)

    def weights_were_set(self) -> None:
        self._states.refresh_all()

    def validate_start(self) -> float:
        return self._score(trained=False)

    def run_phase(self, number: int, epoch: int, rng: np.random.Generator, on_batch: OnBatch) -> dict[str, float]:
        phase, begin = self.phases[number], time.perf_counter()
        rmse_before = phase.run(rng, on_batch, rate=self._settings.learning_rate_decay ** (epoch - 1))
        with working(f"epoch {epoch} states"):
            self._states.refresh(phase.side)
        side = phase.side.value
        return {f"{side}_rmse": rmse_before, f"{side}_seconds": time.perf_counter() - begin}

    def validate(self) -> float:
        return self._score(trained=True)

    def figures(self) -> Mapping[str, float]:
        return self._scorer.figures() if self._scorer else {}

    def weigh_parts(self, *, trained: bool) -> None:
        """Sets the weights of the model's parts to those that fit the validation ratings best.

        Args:
          trained: False before the first epoch, when the network is untrained.
        """
        weights = weigh_parts(self.model, self._refreshed_scorer(), trained=trained)
        if self.model.bayesian_factors:
            take_from_chief(self._training.strategy, self.model.variables)
            for kind, of in weights._asdict().items():
                self._training.listener.on_stage(
                    f"parts, users {kind}: network {of.network:.2f}, factors {of.factors:.2f}, {of.constant:+.2f}"
                )

    def _refreshed_scorer(self) -> ValidationScorer:
        """Returns a scorer with states recomputed from the current weights."""
        if self._scorer is None:
            selection, settings = self._settings.selection, self._settings
            if selection != STREAMING:
                self._scorer_states[FROZEN] = self._states
            if selection != FROZEN and self.validated:
                self._scorer_states[STREAMING] = streaming_states(
                    self.model, self._seen, settings.rows_per_batch, peers=self._states.peers, begun=self._states
                )
            self._scorer = ValidationScorer(self._scorer_states)
        elif STREAMING in self._scorer_states:
            self._scorer_states[STREAMING].refresh_all()
        return self._scorer

    def _score(self, *, trained: bool) -> float:
        if not self.validated:
            return float("inf")
        found = self._refreshed_scorer().score(trained=trained)[1]
        # Workers that round differently must still agree on which epoch is best and whether to stop.
        return float(from_chief(self._training.strategy, found))
