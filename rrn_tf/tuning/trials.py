"""Trials of a search, saved as one JSON line each."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Trial:
    """One configuration, and its validation loss after training.

    Attributes:
      number: the trial's number, from 1, in the order of the search.
      settings: the settings that the search selected, by path.
      config: plain values of the whole configuration.
      loss: the best epoch's loss on validation data, the lower the better; None for a failed trial.
      best_epoch: that epoch; 0 means the initial weights.
      epochs: the number of trained epochs.
      seconds: the time of preparation and training, without that before an interruption.
      failure: the reason of a failed trial.
    """

    number: int
    settings: dict[str, Any]
    config: dict[str, Any]
    loss: float | None = None
    best_epoch: int = 0
    epochs: int = 0
    seconds: float = 0.0
    failure: str | None = None

    def as_dict(self, objective: str) -> dict[str, Any]:
        """Returns plain values, the loss under the name of an objective such as ``valid_rmse``."""
        return {objective if name == "loss" else name: value for name, value in dataclasses.asdict(self).items()}


class TrialLog:
    """The finished trials of a search in `trials.jsonl`, to which each trial is appended when it ends.

    Args:
      path: the path of the file.
      objective: the name of the loss in the file.
    """

    def __init__(self, path: Path, objective: str) -> None:
        self._path = path
        self._objective = objective
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        if lines and not lines[-1].endswith("\n"):
            # An incomplete last line was cut off while it was written: that trial has not finished.
            path.write_text("".join(lines := lines[:-1]))
        self.trials = [self._parsed(json.loads(line)) for line in lines]

    def find(self, settings: dict[str, Any]) -> Trial | None:
        """Returns the finished trial of these settings, if there is one."""
        return next((trial for trial in self.trials if trial.settings == settings), None)

    def append(self, trial: Trial) -> None:
        """Adds a finished trial, first to the file, then in memory."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(trial.as_dict(self._objective)) + "\n")
        self.trials.append(trial)

    @property
    def best(self) -> Trial | None:
        """The trial with the lowest loss, the earliest of equal ones; None if all failed."""
        return next((trial for trial in ranked(self.trials) if trial.failure is None), None)

    def _parsed(self, values: dict[str, Any]) -> Trial:
        return Trial(**{"loss" if name == self._objective else name: value for name, value in values.items()})


def ranked(trials: Iterable[Trial]) -> list[Trial]:
    """Sorts trials from the lowest loss to the highest, followed by those that failed."""
    return sorted(trials, key=lambda trial: math.inf if trial.loss is None else trial.loss)
