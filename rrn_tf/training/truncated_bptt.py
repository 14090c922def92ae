"""Training of the Collaborative RNN by truncated backpropagation through time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.data.allocator import reused_memory
from rrn_tf.data.event_batches import EventPlan, plan_interleaved, plan_training
from rrn_tf.data.event_context import FEATURES, with_context
from rrn_tf.data.events import EventSequences
from rrn_tf.data.load_events import load_events
from rrn_tf.data.shared_counts import DISTRIBUTIONS, SharedCounts
from rrn_tf.evaluation.event_protocols import CLEAN, INTERLEAVED
from rrn_tf.features import Split
from rrn_tf.models.collaborative_mixture import CollaborativeMixture
from rrn_tf.models.collaborative_rnn import CollaborativeRNN
from rrn_tf.slow_work import working
from rrn_tf.states.event_snapshot import EventSnapshot
from rrn_tf.states.event_states import EventMetrics, EventNetwork, EventRoller, mean_nll
from rrn_tf.training.chunks import ChunkPhase
from rrn_tf.training.epochs import Epoch, OnBatch, Training
from rrn_tf.training.listeners import ChunkEpochRecord, Listener
from rrn_tf.training.mixture_chunks import MixtureChunkPhase
from rrn_tf.training.workers import from_chief, own_replicas, sum_of_workers


@dataclass(frozen=True)
class CollaborativeResult(EventSnapshot):
    """A trained Collaborative RNN with the weights of the best epoch on validation.

    Attributes:
      history: one record per epoch; it is not saved.
      best_epoch: the epoch of these weights, not saved either; 0 means the initial weights.
    """

    history: list[ChunkEpochRecord] = field(default_factory=list)
    best_epoch: int = 0


def make_model(config: CollaborativeConfig, sequences: EventSequences) -> EventNetwork:
    """Returns an untrained network with the sizes of a data set."""
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
    """Returns the events to train on and None; for a mixture, events with context and counts of all users' items."""
    if not config.model.mixture:
        return sequences, None
    listener = listener or Listener()
    listener.on_stage("counting what other users do")
    with working("counting what other users do"):
        counts = SharedCounts(sequences)
    listener.on_stage("looking back upon each event")
    with working("looking back upon each event"):
        return with_context(sequences, counts, config.model.window, clock=config.model.clock), counts


def make_phase(
    model: EventNetwork, plan: EventPlan, config: CollaborativeConfig, strategy: tf.distribute.Strategy
) -> ChunkPhase:
    """Returns the phase that trains a network of `make_model`; the arguments are those of `ChunkPhase`."""
    if isinstance(model, CollaborativeMixture):
        return MixtureChunkPhase(model, plan, config.training, strategy)
    return ChunkPhase(model, plan, config.training, strategy)


def train(
    data: str | Path | EventSequences,
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
      data: prepared events, or their directory (see `rrn_tf.data.load_events`).
      checkpoint_dir: the directory of checkpoints and best weights (see `rrn_tf.training.checkpoints`).
      config: the complete configuration.
      log_dir: the directory of TensorBoard logs.
      strategy: the devices to train on; by default `make_strategy(config.training.replicas)`. Each of several workers
        calls `train`, with the same arguments and its own copy of the events; only the chief writes.
      listeners: notified of groups, as batches, and of epochs.
      resume: whether to resume from the last finished epoch in `checkpoint_dir`, as if training had never stopped, or
        from the start if there is none. All workers read that directory.

    Raises:
      TrainingError: if a loss is not finite, naming epoch, group, chunk and the last good checkpoint.
      ValueError: if no user has two training events.
      WorkerError: if another worker stops.
    """
    settings = config.training
    training = Training(
        settings, checkpoint_dir, strategy=strategy, listeners=listeners, log_dir=log_dir, resume=resume
    )
    replicas = training.strategy.num_replicas_in_sync
    events = data if isinstance(data, EventSequences) else load_events(data)
    sequences, counts = counted(config, events, training.listener)
    plan = plan_training(sequences, settings.users_per_batch, settings.chunk, settings.last_chunks, replicas)
    if not len(plan):
        raise ValueError("some user should have two training events or more, received none")
    with training.strategy.scope():
        model = make_model(config, sequences)
    epoch = ChunkEpoch(config, sequences, model, plan, training.strategy)
    training.listener.on_start(
        f"{plan.num_scored:,} training events, {int(sequences.counts([Split.VALID]).sum()):,} for validation; "
        f"{len(plan)} groups of {settings.users_per_batch}, {plan.num_chunks:,} chunks of {settings.chunk} an epoch"
    )
    progress = training.run(epoch)
    # Always restored, because the saved weights (such as averages) may differ from those that training ended with.
    training.restore_best()
    with reused_memory():
        metrics, states = epoch.metrics(progress.best), epoch.roller.states(sequences)
    return CollaborativeResult(model, sequences, states, metrics, counts, progress.records, progress.best_epoch)


class ChunkEpoch(Epoch):
    """An epoch over all groups of users, chunk by chunk, validated by the protocol of `training.selection`.

    Args:
      config: the complete configuration.
      sequences: the events.
      model: the network, created in the strategy's scope.
      plan: the groups of users to train on.
      strategy: the devices to train on.
    """

    record = ChunkEpochRecord
    loss = "valid_nll"

    def __init__(
        self,
        config: CollaborativeConfig,
        sequences: EventSequences,
        model: EventNetwork,
        plan: EventPlan,
        strategy: tf.distribute.Strategy,
    ) -> None:
        settings = config.training
        self.model = model
        self.parts = model.parts if isinstance(model, CollaborativeMixture) else ()
        self._phase = make_phase(model, plan, config, strategy)
        self.phases = [self._phase]
        self.roller = EventRoller(model)
        self._sequences = sequences
        self._strategy = strategy
        self._replicas = own_replicas(strategy)
        self.validated = sequences.has(Split.VALID)
        self._later: EventPlan | None = None
        if self.validated and settings.selection == INTERLEAVED:
            replicas = strategy.num_replicas_in_sync
            self._later = plan_interleaved(
                sequences, Split.VALID, settings.users_per_batch, settings.chunk, settings.valid_chunks, replicas
            )
        # Log-likelihood and number of held-out events of each user, in interleaved validation.
        self._sums = np.zeros((sequences.num_users + 1, 2))

    def run_phase(self, number: int, epoch: int, rng: np.random.Generator, on_batch: OnBatch) -> dict[str, float]:
        begin, scoring = time.perf_counter(), 0.0
        order = rng.permutation(len(self._phase.plan))
        self._sums[:] = 0

        def on_group(done: int, of: int, states: list[tf.Tensor]) -> None:
            nonlocal scoring
            if self._later is not None:
                start = time.perf_counter()
                self._score_group(self._later, int(order[done - 1]), states)
                scoring += time.perf_counter() - start
            on_batch(done, of)

        train_nll = self._phase.run(order, on_group)
        seconds = time.perf_counter() - begin - scoring
        return {"train_nll": train_nll, "seconds": seconds, "valid_seconds": scoring}

    def validated_weights(self) -> AbstractContextManager[None]:
        return self._phase.averaged()

    def validate(self) -> float:
        if self.validated and self._later is None:
            # Workers that round differently must still agree on which epoch is best and whether to stop.
            return float(from_chief(self._strategy, self.roller.score(self._sequences, Split.VALID)["nll"]))
        return mean_nll(sum_of_workers(self._strategy, self._sums))["nll"]

    def metrics(self, best: float) -> EventMetrics:
        """Computes the figures of the current weights on validation and test events.

        Args:
          best: the loss of these weights in interleaved validation.
        """
        found = {
            split.label: {CLEAN: self.roller.score(self._sequences, split)}
            for split in (Split.VALID, Split.TEST)
            if self._sequences.has(split)
        }
        if self._later is not None:
            found[Split.VALID.label][INTERLEAVED] = {"nll": best, "n": self._later.num_scored}
        return found

    def _score_group(self, later: EventPlan, index: int, states: list[tf.Tensor]) -> None:
        """Records log-likelihood and count of a group's held-out events, scored from the group's final training states.

        Args:
          later: the held-out events of all groups.
          index: the index of the group.
          states: float[B, units] for each replica of this worker; users of other workers are not scored.
        """
        shares = [later.groups[index][replica] for replica in self._replicas]
        own = tf.nest.map_structure(lambda *parts: np.concatenate(parts), *shares)
        self._sums[own.user[own.user > 0]] = self.roller.sums(own, later.chunk, tf.concat(states, axis=0))
