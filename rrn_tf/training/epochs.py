"""The loop over epochs that every training shares: validation, best weights, patience, checkpoints, resuming."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
import tf_keras as keras

from rrn_tf.collaborative_config import CollaborativeTrainingConfig
from rrn_tf.config import TrainingConfig
from rrn_tf.data.allocator import reused_memory
from rrn_tf.training.checkpoints import Checkpoints, Progress, TrainedPart
from rrn_tf.training.devices import make_strategy
from rrn_tf.training.listeners import Listener, Listeners, TensorBoard
from rrn_tf.training.phases import TrainingError
from rrn_tf.training.workers import is_chief, lost_workers, take_from_chief

OnBatch = Callable[[int, int], None]  # told of a batch that is done: its number, of how many


class Epoch:
    """What one epoch of a kind of training consists of; subclasses train and validate.

    Attributes:
      record: what is said of an epoch; its fields are `epoch`, `best`, `loss` and what `run_phase` returns.
      loss: the name that the validation error has in a record.
      model: the network.
      phases: in their order; weights and progress are saved after each.
      validated: whether there are validation data; without, the last epoch is the best one.
    """

    record: ClassVar[type[Any]]
    loss: ClassVar[str]
    model: keras.Model
    phases: Sequence[TrainedPart]
    validated: bool

    def initialize(self) -> None:
        """Sets the weights that training starts from; of several workers the chief's then count."""

    def weights_were_set(self) -> None:
        """Recomputes whatever depends on weights: called when all of them were set anew."""

    def validate_start(self) -> float:
        """The validation error of the weights that training starts from; infinite where they do not compete."""
        return float("inf")

    def run_phase(self, number: int, epoch: int, rng: np.random.Generator, on_batch: OnBatch) -> dict[str, float]:
        """Trains one phase, and returns figures for the record of its epoch.

        Args:
          number: of the phase, from 0.
          epoch: from 1.
          rng: draws the order of the batches.
          on_batch: is told of each batch.

        Raises:
          TrainingError: where the loss is not finite or explodes.
        """
        raise NotImplementedError

    def validated_weights(self) -> AbstractContextManager[None]:
        """Within, the model has the weights that are validated and kept, such as averages."""
        return nullcontext()

    def validate(self) -> float:
        """The validation error after an epoch, the same at every worker; infinite without validation data."""
        raise NotImplementedError


class Training:
    """A training from its first epoch, or from a checkpoint, to its last.

    Args:
      settings: epochs, patience, and the seed, which is set.
      directory: where training stands and the best weights (see `rrn_tf.training.checkpoints`).
      strategy: where to train; by default `make_strategy(settings.replicas)`. Of several workers the chief alone
        writes.
      listeners: are told of batches and epochs.
      log_dir: for TensorBoard.
      resume: go on from the last finished phase that the directory knows of; from the start where it knows of none.
    """

    def __init__(
        self,
        settings: TrainingConfig | CollaborativeTrainingConfig,
        directory: str | Path,
        *,
        strategy: tf.distribute.Strategy | None,
        listeners: Sequence[Listener],
        log_dir: str | Path | None,
        resume: bool,
    ) -> None:
        keras.utils.set_random_seed(settings.seed)
        self.strategy = strategy or make_strategy(settings.replicas)
        self.chief = is_chief(self.strategy)
        self.listener = Listeners([*listeners, *([TensorBoard(Path(log_dir))] if log_dir and self.chief else [])])
        self._settings = settings
        self._directory = directory
        self._resume = resume

    def run(self, epoch: Epoch) -> Progress:
        """Runs epochs until all are run, or none of the last `patience` was better.

        Raises:
          TrainingError: where the loss is not finite or explodes, naming epoch, phase, batch and the last good
            checkpoint.
          WorkerError: where another worker stops.
        """
        self._epoch, self._progress = epoch, Progress(record=epoch.record)
        if self.chief and not self._resume:
            Checkpoints.clear(self._directory)
        self._checkpoints = Checkpoints(self._directory, epoch.model, epoch.phases, self._progress, writes=self.chief)
        self._rng = np.random.default_rng(self._settings.seed)
        if self._resume and self._checkpoints.restore():
            self._go_on()
        else:
            self._begin()
        with reused_memory(), lost_workers():
            while not self._done:
                self._run_phase()
        return self._progress

    def restore_best(self) -> None:
        """Sets the weights of the best epoch, at every worker the chief's."""
        if self.chief:
            self._checkpoints.restore_best()
        take_from_chief(self.strategy, self._epoch.model.variables)
        self._epoch.weights_were_set()

    @property
    def _done(self) -> bool:
        progress, settings = self._progress, self._settings
        finished = len(progress.records)
        out_of_patience = bool(settings.patience) and finished - progress.best_epoch >= settings.patience
        return progress.phase == 0 and (finished >= settings.epochs or out_of_patience)

    def _begin(self) -> None:
        self._epoch.initialize()
        take_from_chief(self.strategy, self._epoch.model.variables)
        self._epoch.weights_were_set()
        self._progress.best = self._epoch.validate_start()
        self._checkpoints.save_best(epoch=0)
        self._save()

    def _go_on(self) -> None:
        """From restored weights and progress."""
        self._rng.bit_generator.state = self._progress.rng
        self._epoch.weights_were_set()
        for record in self._progress.records:
            self.listener.on_epoch(record)

    def _run_phase(self) -> None:
        """The next phase, and after an epoch's last one its validation."""
        progress, epoch, settings = self._progress, self._epoch, self._settings
        on_batch = partial(self.listener.on_batch, progress.epoch, epoch.phases[progress.phase].name)
        try:
            progress.outcome |= epoch.run_phase(progress.phase, progress.epoch, self._rng, on_batch)
        except TrainingError as error:
            raise TrainingError(
                f"epoch {progress.epoch}, {error}; the last good checkpoint is {self._checkpoints.latest}: "
                f"a lower training.learning_rate (now {settings.learning_rate:g}) may go on from it"
            ) from None
        progress.phase += 1
        ended = progress.phase == len(epoch.phases)
        if ended:
            self._end_epoch()
        self._save()
        if ended:
            self.listener.on_epoch(progress.records[-1])

    def _end_epoch(self) -> None:
        progress, epoch, begin = self._progress, self._epoch, time.perf_counter()
        with epoch.validated_weights():
            found = epoch.validate()
            # Some of the validation may have gone along with training.
            seconds = progress.outcome.get("valid_seconds", 0.0) + time.perf_counter() - begin
            if is_best := found < progress.best or not epoch.validated:
                progress.best, progress.best_epoch = found, progress.epoch
                self._checkpoints.save_best(progress.epoch)
        figures = {**progress.outcome, "valid_seconds": seconds, epoch.loss: found}
        progress.records.append(epoch.record(epoch=progress.epoch, best=is_best, **figures))
        progress.epoch, progress.phase, progress.outcome = progress.epoch + 1, 0, {}

    def _save(self) -> None:
        self._progress.rng = dict(self._rng.bit_generator.state)
        self._checkpoints.save()
