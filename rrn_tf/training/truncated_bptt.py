"""Training of the Collaborative RNN by truncated backpropagation through time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tf_keras as keras

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.data.allocator import reused_memory
from rrn_tf.data.event_batches import EventPlan, plan_interleaved, plan_training
from rrn_tf.data.event_context import FEATURES, with_context
from rrn_tf.data.events import EventSequences
from rrn_tf.data.shared_counts import DISTRIBUTIONS, SharedCounts
from rrn_tf.evaluation.event_protocols import CLEAN, INTERLEAVED
from rrn_tf.features import Split
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.states.event_snapshot import EventSnapshot
from rrn_tf.states.event_states import EventNetwork, EventRoller, mean_nll
from rrn_tf.training.checkpoints import Checkpoints, Progress
from rrn_tf.training.chunks import ChunkPhase
from rrn_tf.training.devices import make_strategy
from rrn_tf.training.listeners import ChunkEpochRecord, Listener, Listeners, TensorBoard
from rrn_tf.training.mixture_chunks import MixtureChunkPhase
from rrn_tf.training.phases import TrainingError
from rrn_tf.training.workers import from_chief, is_chief, lost_workers, own_replicas, sum_of_workers, take_from_chief


@dataclass(frozen=True)
class CollaborativeResult(EventSnapshot):
    """A trained Collaborative RNN, best on validation; beside what is saved:

    Attributes:
      history: a record per epoch.
      best_epoch: the epoch whose weights these are; 0 is the start.
    """

    history: list[ChunkEpochRecord] = field(default_factory=list)
    best_epoch: int = 0


def make_model(config: CollaborativeConfig, sequences: EventSequences) -> EventNetwork:
    """An untrained network that fits a data set."""
    sizes = config.model
    if sizes.mixture:
        return CollaborativeMixture(
            sequences.num_users,
            sequences.num_items,
            features=len(FEATURES),
            shared=len(DISTRIBUTIONS),
            units=sizes.units,
            factors=sizes.stationary,
            matrices=sizes.matrices,
            rank=sizes.rank,
            heads=sizes.heads,
            window=sizes.window,
            clock=sizes.clock,
            without=sizes.without,
            attention=sizes.attention,
        )
    return CollaborativeRNN(
        sequences.num_users,
        sequences.num_items,
        cell=sizes.cell,
        units=sizes.units,
        activation=sizes.activation,
        matrices=sizes.matrices,
        precision=config.training.precision,
        stationary=sizes.stationary,
    )


def counted(
    config: CollaborativeConfig, sequences: EventSequences, listener: Listener | None = None
) -> tuple[EventSequences, SharedCounts | None]:
    """What a network is trained on: events of a mixture have a context, and the counts of others that it is made of."""
    if not config.model.mixture:
        return sequences, None
    listener = listener or Listener()
    listener.on_stage("counting what other users do")
    counts = SharedCounts(sequences)
    listener.on_stage("looking back upon each event")
    return with_context(sequences, counts, config.model.window, clock=config.model.clock), counts


def make_phase(
    model: EventNetwork, plan: EventPlan, config: CollaborativeConfig, strategy: tf.distribute.Strategy
) -> ChunkPhase:
    """What trains a network of `make_model`; arguments as those of `ChunkPhase`."""
    if isinstance(model, CollaborativeMixture):
        return MixtureChunkPhase(model, plan, config.training, strategy)
    return ChunkPhase(model, plan, config.training, strategy)


def train(
    sequences: EventSequences,
    checkpoint_dir: str | Path,
    config: CollaborativeConfig,
    *,
    log_dir: str | Path | None = None,
    strategy: tf.distribute.Strategy | None = None,
    listeners: Sequence[Listener] = (),
    resume: bool = False,
) -> CollaborativeResult:
    """Trains a Collaborative RNN.

    Args:
      sequences: the events.
      checkpoint_dir: where training stands and the best weights (see `rrn_tf.training.checkpoints`).
      config: everything that decides the result.
      log_dir: for TensorBoard.
      strategy: where to train; by default `make_strategy(config.training.replicas)`. Each of several workers calls it,
        with the same arguments and its own copy of the events; the chief alone writes.
      listeners: are told of groups, as batches, and of epochs.
      resume: go on from the last finished epoch that `checkpoint_dir` knows of, as if training had never stopped; from
        the start where it knows of none. All workers read that directory.

    Raises:
      TrainingError: where a loss is not finite, naming epoch, group, chunk and the last good checkpoint.
      ValueError: where no user has two training events.
      WorkerError: where another worker stops.
    """
    settings = config.training
    keras.utils.set_random_seed(settings.seed)
    strategy = strategy or make_strategy(settings.replicas)
    chief = is_chief(strategy)
    listener = Listeners([*listeners, *([TensorBoard(Path(log_dir))] if log_dir and chief else [])])
    replicas = strategy.num_replicas_in_sync
    sequences, counts = counted(config, sequences, listener)
    plan = plan_training(sequences, settings.users_per_batch, settings.chunk, settings.last_chunks, replicas)
    if not len(plan):
        raise ValueError("some user should have two training events or more, received none")
    with strategy.scope():
        model = make_model(config, sequences)
    phase, progress = make_phase(model, plan, config, strategy), Progress(record=ChunkEpochRecord)
    if chief and not resume:
        Checkpoints.clear(checkpoint_dir)
    checkpoints = Checkpoints(checkpoint_dir, model, [phase], progress, writes=chief)
    loop = _Loop(config, sequences, phase, model, progress, checkpoints, listener, strategy)
    listener.on_start(
        f"{plan.num_scored:,} training events, {int(sequences.counts([Split.VALID]).sum()):,} for validation; "
        f"{len(plan)} groups of {settings.users_per_batch}, {plan.num_chunks:,} chunks of {settings.chunk} an epoch"
    )
    loop.begin(resume)
    with reused_memory(), lost_workers():
        while not loop.done:
            loop.run_epoch()
        return replace(loop.result(), counts=counts)


class _Loop:
    """Epoch after epoch; whatever decides the next one is in `progress` and the weights."""

    def __init__(
        self,
        config: CollaborativeConfig,
        sequences: EventSequences,
        phase: ChunkPhase,
        model: EventNetwork,
        progress: Progress,
        checkpoints: Checkpoints,
        listener: Listener,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self._settings = config.training
        self._sequences = sequences
        self._phase = phase
        self._model = model
        self._progress = progress
        self._checkpoints = checkpoints
        self._listener = listener
        self._strategy = strategy
        self._rng = np.random.default_rng(config.training.seed)
        self._roller = EventRoller(model)
        self._replicas = own_replicas(strategy)
        self._validated = bool(sequences.counts([Split.VALID]).any())
        self._later: EventPlan | None = None
        if self._validated and self._settings.selection == INTERLEAVED:
            settings, replicas = self._settings, strategy.num_replicas_in_sync
            self._later = plan_interleaved(
                sequences, Split.VALID, settings.users_per_batch, settings.chunk, settings.valid_chunks, replicas
            )

    @property
    def done(self) -> bool:
        """All epochs are run, or none of the last `patience` was better."""
        finished, settings = len(self._progress.records), self._settings
        out_of_patience = bool(settings.patience) and finished - self._progress.best_epoch >= settings.patience
        return finished >= settings.epochs or out_of_patience

    def begin(self, resume: bool) -> None:
        """From a checkpoint, or from the weights as they are."""
        if resume and self._checkpoints.restore():
            self._rng.bit_generator.state = self._progress.rng
            for record in self._progress.records:
                self._listener.on_epoch(record)
        else:
            take_from_chief(self._strategy, self._model.variables)
            self._checkpoints.save_best(epoch=0)
            self._save()

    def run_epoch(self) -> None:
        """All groups once, then validation."""
        progress, begin = self._progress, time.perf_counter()
        sums, scoring = np.zeros((self._sequences.num_users + 1, 2)), 0.0
        order = self._rng.permutation(len(self._phase.plan))

        def on_group(done: int, of: int, states: list[tf.Tensor]) -> None:
            nonlocal scoring
            if self._later is not None:
                start = time.perf_counter()
                self._score_group(int(order[done - 1]), states, sums)
                scoring += time.perf_counter() - start
            self._listener.on_batch(progress.epoch, self._phase.name, done, of)

        try:
            train_nll = self._phase.run(order, on_group)
        except TrainingError as error:
            raise TrainingError(
                f"epoch {progress.epoch}, {error}; the last good checkpoint is {self._checkpoints.latest}: "
                f"a lower training.learning_rate (now {self._settings.learning_rate:g}) may go on from it"
            ) from None
        with self._phase.averaged():
            self._validate(train_nll, sums, begin, scoring)
        progress.epoch += 1
        self._save()
        self._listener.on_epoch(progress.records[-1])

    def _validate(self, train_nll: float, sums: npt.NDArray[np.float64], begin: float, scoring: float) -> None:
        """Scores the epoch and notes it.

        Args:
          train_nll: loss of the epoch.
          sums: of interleaved validation, as `_score_group` leaves them.
          begin: when the epoch began.
          scoring: seconds of it that interleaved validation took.
        """
        middle = time.perf_counter()
        if self._validated and self._later is None:
            # Workers that round differently must still agree on which epoch is best and whether to stop.
            found = float(from_chief(self._strategy, self._roller.score(self._sequences, Split.VALID)["nll"]))
        else:
            found = mean_nll(sum_of_workers(self._strategy, sums))["nll"]
        scoring_after = time.perf_counter() - middle
        self._end_epoch(train_nll, found, middle - begin - scoring, scoring + scoring_after)

    def _score_group(self, index: int, states: list[tf.Tensor], sums: npt.NDArray[np.float64]) -> None:
        """Writes log-likelihood and count of a group's held-out events, from the states that training left.

        Args:
          index: of the group.
          states: float[B, units] a replica of this worker.
          sums: float64[U + 1, 2], by user; those of other workers' replicas are left alone.
        """
        assert self._later is not None
        shares = [self._later.groups[index][replica] for replica in self._replicas]
        own = tf.nest.map_structure(lambda *parts: np.concatenate(parts), *shares)
        sums[own.user[own.user > 0]] = self._roller.sums(own, self._later.chunk, tf.concat(states, axis=0))

    def _end_epoch(self, train_nll: float, found: float, seconds: float, valid_seconds: float) -> None:
        progress = self._progress
        # Without validation events the last epoch is the one to keep.
        if is_best := found < progress.best or not self._validated:
            progress.best, progress.best_epoch = found, progress.epoch
            self._checkpoints.save_best(progress.epoch)
        record = ChunkEpochRecord(progress.epoch, train_nll, found, seconds, valid_seconds, is_best)
        progress.records.append(record)

    def _save(self) -> None:
        self._progress.rng = dict(self._rng.bit_generator.state)
        self._checkpoints.save()

    def result(self) -> CollaborativeResult:
        """With the best epoch's weights."""
        progress = self._progress
        # Always: the weights that were validated and kept need not be those that training goes on from.
        if is_chief(self._strategy):
            self._checkpoints.restore_best()
        take_from_chief(self._strategy, self._model.variables)
        metrics: dict[str, Any] = {
            split.label: {CLEAN: self._roller.score(self._sequences, split)}
            for split in (Split.VALID, Split.TEST)
            if self._sequences.counts([split]).any()
        }
        if self._later is not None:
            metrics[Split.VALID.label][INTERLEAVED] = {"nll": progress.best, "n": self._later.num_scored}
        states = self._roller.states(self._sequences)
        return CollaborativeResult(
            self._model,
            self._sequences,
            states,
            metrics,
            history=progress.records,
            best_epoch=progress.best_epoch,
        )
