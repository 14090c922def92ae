"""The training loop over epochs, shared by all models: validation, best weights, patience, checkpoints, resuming."""

from __future__ import annotations

import abc
import time
from collections.abc import Callable, Mapping, Sequence
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
from rrn_tf.slow_work import working
from rrn_tf.training.checkpoints import Checkpoints, Progress, TrainedPart
from rrn_tf.training.devices import make_strategy
from rrn_tf.training.listeners import Listener, Listeners
from rrn_tf.training.phases import TrainingError
from rrn_tf.training.tensorboard import TensorBoard
from rrn_tf.training.workers import is_chief, lost_workers, take_from_chief

OnBatch = Callable[[int, int], None]  # called after each batch with the number of batches done and of all batches


class Epoch(abc.ABC):
    """The steps of one epoch; subclasses train and validate a kind of model.

    Attributes:
      record: the class of an epoch's record; its fields are `epoch`, `best`, `loss` and those that `run_phase` returns.
      loss: the name of the validation error in a record.
      model: the network.
      phases: the phases in their order; weights and progress are saved after each.
      validated: whether there are validation data; if not, the last epoch counts as the best one.
      parts: names of the parts of a mixture; none for other models.
    """

    record: ClassVar[type[Any]]
    loss: ClassVar[str]
    model: keras.Model
    phases: Sequence[TrainedPart]
    validated: bool
    parts: Sequence[str] = ()

    def initialize(self) -> None:  # noqa: B027 - optional: a model may start from its own initial values
        """Sets the initial weights; with several workers those of the chief are used."""

    def weights_were_set(self) -> None:  # noqa: B027 - optional: nothing may depend on the weights
        """Recomputes everything that depends on the weights; called when all of them have been replaced."""

    def validate_start(self) -> float:
        """Returns the validation error of the initial weights; infinite if these cannot be the best ones."""
        return float("inf")

    @abc.abstractmethod
    def run_phase(self, number: int, epoch: int, rng: np.random.Generator, on_batch: OnBatch) -> dict[str, float]:
        """Trains one phase, and returns figures for the epoch's record.

        Args:
          number: the phase, from 0.
          epoch: the epoch, from 1.
          rng: the random generator that orders the batches.
          on_batch: called after each batch.

        Raises:
          TrainingError: if the loss is not finite or explodes.
        """

    def validated_weights(self) -> AbstractContextManager[None]:
        """Returns a context in which the model has the weights to validate and save, such as averages."""
        return nullcontext()

    @abc.abstractmethod
    def validate(self) -> float:
        """Returns the validation error after an epoch, the same on every worker; infinite without validation data."""

    def figures(self) -> Mapping[str, float]:
        """Returns further figures of the last validation by name, for the logs."""
        return {}


class Training:
    """Runs a training from the first epoch, or from a checkpoint, to the last.

    Args:
      settings: epochs, patience, and the seed, which is set globally.
      directory: the directory of checkpoints and best weights (see `rrn_tf.training.checkpoints`).
      strategy: the devices to train on; by default `make_strategy(settings.replicas)`. Of several workers only the
        chief writes.
      listeners: notified of batches and epochs.
      log_dir: the directory of TensorBoard logs.
      resume: whether to resume from the last finished phase in the directory, or from the start if there is none.
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
        """Runs all epochs, or stops early if none of the last `patience` epochs was better.

        Raises:
          TrainingError: if the loss is not finite or explodes, naming epoch, phase, batch and the last good
            checkpoint.
          WorkerError: if another worker stops.
        """
        self._epoch, self._progress = epoch, Progress(record=epoch.record, parts=list(epoch.parts))
        if self.chief and not self._resume:
            Checkpoints.clear(self._directory)
        self._checkpoints = Checkpoints(self._directory, epoch.model, epoch.phases, self._progress, writes=self.chief)
        self._rng = np.random.default_rng(self._settings.seed)
        if self._resume and self._checkpoints.restore():
            self._go_on()
        else:
            self._begin()
        with reused_memory(), lost_workers(), working("epochs, at most", self._settings.epochs) as tell:
            while not self._done:
                self._run_phase()
                tell(len(self._progress.records))
        return self._progress

    def restore_best(self) -> None:
        """Restores the weights of the best epoch; every worker gets those of the chief."""
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
        with working("computing the first states"):
            self._epoch.weights_were_set()
            self._progress.best = self._epoch.validate_start()
        self._checkpoints.save_best(epoch=0)
        self._save()

    def _go_on(self) -> None:
        """Resumes from restored weights and progress."""
        self._rng.bit_generator.state = self._progress.rng
        self._epoch.weights_were_set()
        for record in self._progress.records:
            self.listener.on_epoch(record)

    def _run_phase(self) -> None:
        """Runs the next phase and, after an epoch's last one, the validation."""
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
        with epoch.validated_weights(), working(f"epoch {progress.epoch} validation"):
            found = epoch.validate()
            # Part of the validation may have run during training.
            seconds = progress.outcome.get("valid_seconds", 0.0) + time.perf_counter() - begin
            if is_best := found < progress.best or not epoch.validated:
                progress.best, progress.best_epoch = found, progress.epoch
                self._checkpoints.save_best(progress.epoch)
        self.listener.on_figures(progress.epoch, epoch.figures())
        figures = {**progress.outcome, "valid_seconds": seconds, epoch.loss: found}
        progress.records.append(epoch.record(epoch=progress.epoch, best=is_best, **figures))
        progress.epoch, progress.phase, progress.outcome = progress.epoch + 1, 0, {}

    def _save(self) -> None:
        self._progress.rng = dict(self._rng.bit_generator.state)
        self._checkpoints.save()
