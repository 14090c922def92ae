"""Alternating subspace descent: user phase, item phase, again (Section 3.4)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

from rrn_tf.config import Config
from rrn_tf.data.allocator import reused_memory
from rrn_tf.data.batches import plan_batches
from rrn_tf.data.sequences import RatingSequences, load_sequences
from rrn_tf.evaluation.protocols import FROZEN, STREAMING, evaluate
from rrn_tf.features import SIDES, Side, Split
from rrn_tf.models.rrn import RRN
from rrn_tf.states.snapshot import Metrics, RRNSnapshot
from rrn_tf.states.step_states import StepStates
from rrn_tf.states.streaming import streaming_states
from rrn_tf.training.checkpoints import Checkpoints, Progress
from rrn_tf.training.devices import make_strategy
from rrn_tf.training.listeners import EpochRecord, Listener, Listeners, TensorBoard
from rrn_tf.training.parts import ValidationScorer, parts_alone, selection_splits, set_factors, weigh_parts
from rrn_tf.training.phases import Phase, TrainingError
from rrn_tf.training.pretraining import pretrain_factors, start_at_mean
from rrn_tf.training.workers import from_chief, is_chief, lost_workers, take_from_chief

_TESTS = (Split.TEST, Split.TEST_COLD)


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
      parts: ``{split: {protocol: {part: rmse}}}`` of each part alone and of the whole.
    """

    model: RRN
    sequences: RatingSequences
    states: StepStates
    history: list[EpochRecord]
    best_epoch: int
    metrics: Metrics
    parts: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    def snapshot(self) -> RRNSnapshot:
        """The network with the states at its cutoff, to be saved."""
        return RRNSnapshot.at_cutoff(self.states, self.metrics)


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
      data: a prepared data set, or where one lies (see `rrn_tf.data.sequences.load_sequences`).
      checkpoint_dir: where training stands and the best weights (see `rrn_tf.training.checkpoints`).
      config: everything that decides the result.
      log_dir: for TensorBoard.
      strategy: where to train; by default `make_strategy(config.training.replicas)`. Each of several workers calls it,
        with the same arguments and its own copy of the data; the chief alone writes.
      listeners: are told of batches and epochs.
      resume: go on from the last finished phase that `checkpoint_dir` knows of, as if training had never stopped; from
        the start where it knows of none. All workers read that directory.

    Raises:
      TrainingError: where the loss is not finite or explodes, naming epoch, phase, batch and the last good checkpoint.
      WorkerError: where another worker stops.
    """
    settings = config.training
    keras.utils.set_random_seed(settings.seed)
    strategy = strategy or make_strategy(settings.replicas)
    chief = is_chief(strategy)
    listener = Listeners([*listeners, *([TensorBoard(Path(log_dir))] if log_dir and chief else [])])

    sequences = data if isinstance(data, RatingSequences) else load_sequences(data)
    with strategy.scope():
        model = make_model(config, sequences)
        plans = {
            side: plan_batches(
                sequences.side(side), sequences.metadata, settings.rows_per_batch, strategy.num_replicas_in_sync
            )
            for side in SIDES
        }
        states = StepStates(model, sequences, plans)
    phases = [Phase(side, model, states, plans[side], settings, strategy) for side in SIDES]
    progress = Progress()
    if chief and not resume:
        Checkpoints.clear(checkpoint_dir)
    checkpoints = Checkpoints(checkpoint_dir, model, phases, progress, writes=chief)

    valid = sequences.rating_indices([Split.VALID])
    listener.on_start(
        f"{plans[Side.USER].num_ratings:,} training ratings, {len(valid):,} for validation; "
        f"{len(plans[Side.USER])} user and {len(plans[Side.ITEM])} item batches an epoch"
    )
    seen = sequences.without(_TESTS)  # they may not even move the states by which anything is chosen
    loop = _Loop(config, phases, states, seen, progress, checkpoints, listener, strategy)
    if resume and checkpoints.restore():
        loop.resume_from()
    else:
        start_at_mean(model, sequences.metadata.rating_mean)
        pretrain_factors(model, sequences, settings)
        if model.bayesian_factors and chief:
            listener.on_stage("fitting Bayesian factors")
            set_factors(model, seen, settings.seed, listener.on_stage)
        take_from_chief(strategy, model.variables)
        loop.begin(np.random.default_rng(settings.seed))
    with reused_memory(), lost_workers():
        while not loop.done:
            loop.run_phase()
    if progress.best_epoch < len(progress.records):
        if chief:
            checkpoints.restore_best()
        take_from_chief(strategy, model.variables)
        states.refresh_all()
    loop.weigh_parts()
    listener.on_stage("predicting by both protocols")
    by_protocol = {FROZEN: states, STREAMING: streaming_states(model, sequences, settings.rows_per_batch)}
    metrics = evaluate(by_protocol)
    parts = parts_alone(by_protocol, [split for split in Split if split is not Split.TRAIN])
    return TrainingResult(model, sequences, states, progress.records, progress.best_epoch, metrics, parts)


class _Loop:
    """Phase after phase; whatever decides the next one is in `progress` and the weights."""

    def __init__(
        self,
        config: Config,
        phases: Sequence[Phase],
        states: StepStates,
        seen: RatingSequences,
        progress: Progress,
        checkpoints: Checkpoints,
        listener: Listener,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self._settings = config.training
        self._phases = phases
        self._states = states
        self._progress = progress
        self._checkpoints = checkpoints
        self._listener = listener
        self._strategy = strategy
        self._rng = np.random.default_rng()
        self._seen = seen
        self._scorer_states: dict[str, StepStates] = {}
        self._scorer: ValidationScorer | None = None

    @property
    def done(self) -> bool:
        """All epochs are run, or none of the last `patience` was better."""
        progress, settings = self._progress, self._settings
        finished = len(progress.records)
        out_of_patience = bool(settings.patience) and finished - progress.best_epoch >= settings.patience
        return progress.phase == 0 and (finished >= settings.epochs or out_of_patience)

    def begin(self, rng: np.random.Generator) -> None:
        """From pretrained weights."""
        self._rng = rng
        self._states.refresh_all()
        self._progress.best = self._score()
        self._checkpoints.save_best(epoch=0)
        self._save()

    def resume_from(self) -> None:
        """From restored weights and progress."""
        self._rng.bit_generator.state = self._progress.rng
        self._states.refresh_all()
        for record in self._progress.records:
            self._listener.on_epoch(record)

    def run_phase(self) -> None:
        """The next phase, its side's cached states recomputed after it; the epoch's reckoning after the last one."""
        progress, phase = self._progress, self._phases[self._progress.phase]
        begin = time.perf_counter()
        try:
            rmse_before = phase.run(
                self._rng,
                partial(self._listener.on_batch, progress.epoch, phase.name),
                rate=self._settings.learning_rate_decay ** (progress.epoch - 1),
            )
        except TrainingError as error:
            raise TrainingError(
                f"epoch {progress.epoch}, {error}; the last good checkpoint is {self._checkpoints.latest}: "
                f"a lower training.learning_rate (now {self._settings.learning_rate:g}) may go on from it"
            ) from None
        self._states.refresh(phase.side)
        progress.outcome[f"{phase.side.value}_rmse"] = rmse_before
        progress.outcome[f"{phase.side.value}_seconds"] = time.perf_counter() - begin
        progress.phase += 1
        if progress.phase == len(self._phases):
            self._end_epoch()
        self._save()

    def _end_epoch(self) -> None:
        progress, begin = self._progress, time.perf_counter()
        found = self._score()
        progress.outcome["valid_seconds"] = time.perf_counter() - begin
        # Without validation ratings the last epoch is the one to keep.
        if is_best := found < progress.best or not self._has_ratings:
            progress.best, progress.best_epoch = found, progress.epoch
            self._checkpoints.save_best(progress.epoch)
        record = EpochRecord(epoch=progress.epoch, valid_rmse=found, best=is_best, **progress.outcome)
        progress.records.append(record)
        progress.epoch, progress.phase, progress.outcome = progress.epoch + 1, 0, {}
        self._listener.on_epoch(record)

    def weigh_parts(self) -> None:
        """The parts of the trained model by what they are worth on validation ratings."""
        model = self._states.model
        weights = weigh_parts(model, self._refreshed_scorer(), trained=self._progress.best_epoch > 0)
        if model.bayesian_factors:
            take_from_chief(self._strategy, model.variables)
            for kind, of in weights._asdict().items():
                self._listener.on_stage(
                    f"parts, users {kind}: network {of.network:.2f}, factors {of.factors:.2f}, {of.constant:+.2f}"
                )

    @property
    def _has_ratings(self) -> bool:
        return len(self._seen.rating_indices(selection_splits(self._settings.selection))) > 0

    def _refreshed_scorer(self) -> ValidationScorer:
        """Judges by the states of the present weights."""
        if self._scorer is None:
            selection, settings = self._settings.selection, self._settings
            if selection != STREAMING:
                self._scorer_states[FROZEN] = self._states
            if selection != FROZEN and self._has_ratings:
                self._scorer_states[STREAMING] = streaming_states(
                    self._states.model, self._seen, settings.rows_per_batch
                )
            self._scorer = ValidationScorer(self._scorer_states)
        elif STREAMING in self._scorer_states:
            self._scorer_states[STREAMING].refresh_all()
        return self._scorer

    def _score(self) -> float:
        if not self._has_ratings:
            return float("inf")
        trained = self._progress.epoch > 1 or self._progress.phase > 0
        found = self._refreshed_scorer().score(trained=trained)[1]
        # Workers that round differently must still agree on which epoch is best and whether to stop.
        return float(from_chief(self._strategy, found))

    def _save(self) -> None:
        self._progress.rng = dict(self._rng.bit_generator.state)
        self._checkpoints.save()
