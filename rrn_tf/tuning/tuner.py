"""The search: KerasTuner's oracles propose settings, this package trains them, and a file records the trials."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import keras_tuner
from keras_tuner import errors, oracles
from keras_tuner.engine import base_tuner

from rrn_tf.config import config_from_dict, config_to_dict
from rrn_tf.redaction import without_secrets
from rrn_tf.tasks import Settings, task_of
from rrn_tf.tasks.task import DataSettings
from rrn_tf.training.listeners import Listener
from rrn_tf.training.phases import TrainingError
from rrn_tf.tuning.space import SearchSpace, setting, with_settings
from rrn_tf.tuning.trials import Trial, TrialLog
from rrn_tf.tuning.validation import Outcome, Sequences, train_and_validate

TRIALS_FILE = "trials.jsonl"
ORACLES = {
    "random": oracles.RandomSearchOracle,
    "bayesian": oracles.BayesianOptimizationOracle,
    "grid": oracles.GridSearchOracle,
}
_NEVER = 10**9


class TuningError(RuntimeError):
    """Raised if a search has no result; the message gives the reason."""


class TrialFunction(Protocol):
    """A function that trains and validates a configuration (see `rrn_tf.tuning.validation.train_and_validate`)."""

    def __call__(
        self, sequences: Sequences, config: Settings, checkpoints: Path, listeners: Sequence[Listener]
    ) -> Outcome: ...


class _TimeIsUpError(errors.FatalError):
    """Raised to leave KerasTuner's loop when the time is up."""


class _Deadline(Listener):
    """A listener that stops training between two batches when the time is up."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check

    def on_batch(self, epoch: int, phase: str, done: int, of: int) -> None:
        self._check()


class SettingTuner(base_tuner.BaseTuner):
    """Searches settings of RRN by validation RMSE, or of the Collaborative RNN by the loss of validation events.

    A search is resumed from `trials.jsonl` alone: the oracle, with the same seed, proposes the same settings again, and
    gets the losses of finished trials from the file. A trial that was stopped resumes from its last finished phase.

    Args:
      space: the settings to search, with their values.
      base: the values of all other settings; `training.selection` is the validation protocol, `training.seed` also
        seeds the search.
      sequences_of: a function that returns the data without test data, prepared by the given settings.
      directory: the search's directory, which may hold an interrupted search with the same arguments.
      search: a name of `ORACLES`.
      max_trials: the maximum number of trials, including those before an interruption.
      seconds: the time limit, after which a running trial stops between two batches, unless none has succeeded yet.
      echo: called with a line before and after each trial.
      listeners: notified of the training's progress.
      try_out: the function that trains and validates a configuration.
    """

    def __init__(
        self,
        space: SearchSpace,
        base: Settings,
        sequences_of: Callable[[DataSettings], Sequences],
        directory: str | Path,
        *,
        search: str = "random",
        max_trials: int,
        seconds: float = math.inf,
        echo: Callable[[str], None] = lambda line: None,
        listeners: Sequence[Listener] = (),
        try_out: TrialFunction = train_and_validate,
    ) -> None:
        self._base, self._config, self._task = config_to_dict(base), type(base), task_of(base)
        self._varied = space.varied
        self._sequences_of = sequences_of
        self._work = Path(directory, "running")
        self._seconds = seconds
        self._end = math.inf
        self._echo = echo
        self._listeners = (*listeners, _Deadline(self._check_time))
        self._try_out = try_out
        self.log = TrialLog(Path(directory, TRIALS_FILE), self._task.objective)
        oracle = ORACLES[search](
            objective=keras_tuner.Objective(self._task.objective, "min"),
            max_trials=max_trials,
            hyperparameters=space.hyperparameters(base),
            seed=base.training.seed + 1,  # KerasTuner treats 0 as no seed
            max_consecutive_failed_trials=_NEVER,
        )
        # The oracle's own files are overwritten each time.
        super().__init__(oracle, directory=str(directory), project_name="oracle", overwrite=True)

    def search(self, **arguments: Any) -> None:
        """Runs trials until the time is up, there are `max_trials`, or the space is exhausted.

        Raises:
          TuningError: if no trial has a finite figure.
        """
        self._end = time.monotonic() + self._seconds
        try:
            super().search(verbose=0)
        except errors.FatalError as stopped:
            if not isinstance(stopped, _TimeIsUpError):
                raise (stopped.__cause__ or stopped) from None
            self._echo("the time is up; a trial that was stopped goes on when the search is started again")
        if not self.log.best:
            failures = [trial.failure for trial in self.log.trials]
            raise TuningError(f"every one of {len(failures)} trials failed; the first: {failures[0]}")

    def pre_create_trial(self) -> None:
        self._check_time()

    def run_trial(self, trial: Any, **arguments: Any) -> dict[str, float]:
        """Returns a trial's validation loss, from the file if the trial has finished before."""
        settings = dict(trial.hyperparameters.values)
        try:
            found = self.log.find(settings) or self._run(settings)
        except errors.FatalError:
            raise
        except Exception as error:
            # KerasTuner would treat any other error as a failed trial and continue.
            raise errors.FatalError(without_secrets(str(error))) from error  # KerasTuner writes it to a file
        # NaN makes the trial fail; for an exception KerasTuner would print a traceback.
        return {self._task.objective: math.nan if found.loss is None else found.loss}

    def search_space_summary(self, extended: bool = False) -> None:
        """Prints nothing, because each trial prints its own line."""

    def results_summary(self, num_trials: int = 10) -> None:
        """Prints nothing, because each trial prints its own line."""

    def _check_time(self) -> None:
        if time.monotonic() >= self._end and self.log.best:
            raise _TimeIsUpError

    def _run(self, settings: dict[str, Any]) -> Trial:
        number = len(self.log.trials) + 1
        config = config_from_dict(with_settings(self._base, settings), self._config)
        values = config_to_dict(config)
        # KerasTuner writes False as 0.
        settings = {path: setting(values, path) for path in settings}
        tried = (f"{path.rpartition('.')[2]}={_short(of)}" for path, of in settings.items() if path in self._varied)
        self._echo(f"trial {number:3d}  {'  '.join(tried)}")
        begin = time.monotonic()
        sequences = self._sequences_of(config.data)
        try:
            outcome = self._try_out(sequences, config, self._work / f"{number}", self._listeners)
            if not math.isfinite(outcome.loss):
                raise TrainingError(f"expected a finite validation {self._task.figure}, found {outcome.loss}")
            figures: dict[str, Any] = outcome._asdict()
        except (TrainingError, ValueError) as error:
            # Incompatible settings make a trial fail as exploding training does.
            figures = {"failure": str(error)}
        best = self.log.best
        trial = Trial(number, settings, values, seconds=round(time.monotonic() - begin, 3), **figures)
        self.log.append(trial)
        shutil.rmtree(self._work, ignore_errors=True)
        if trial.failure:
            self._echo(f"           failed: {trial.failure}")
        else:
            star = "*" if self.log.best != best else " "
            self._echo(
                f"           valid {trial.loss:.4f} {star}  best epoch {trial.best_epoch} of {trial.epochs}  "
                f"{trial.seconds:.1f} s"
            )
        return trial


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
