"""Trials of a search, one JSON line each."""

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
    """One configuration, and how it fared.

    Attributes:
      number: from 1, in the order of the search.
      settings: what the search chose, by path.
      config: plain values of the whole configuration.
      loss: of the best epoch on validation data, the lower the better; None of a failed trial.
      best_epoch: that epoch; 0 is the start.
      epochs: how many were run.
      seconds: of preparation and training, without those before an interruption.
      failure: why it has no figure.
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
        """Plain values, the loss by the name of an objective such as ``valid_rmse``."""
        return {objective if name == "loss" else name: value for name, value in dataclasses.asdict(self).items()}


class TrialLog:
    """The finished trials of a search in `trials.jsonl`, to which each is appended as it ends.

    Args:
      path: the file.
      objective: what the loss is called there.
    """

    def __init__(self, path: Path, objective: str) -> None:
        self._path = path
        self._objective = objective
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        if lines and not lines[-1].endswith("\n"):
            # Whoever was stopped while writing it has not finished that trial.
            path.write_text("".join(lines := lines[:-1]))
        self.trials = [self._parsed(json.loads(line)) for line in lines]

    def find(self, settings: dict[str, Any]) -> Trial | None:
        """The trial of these settings, if there was one."""
        return next((trial for trial in self.trials if trial.settings == settings), None)

    def append(self, trial: Trial) -> None:
        """Adds a finished trial, on disk first."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(trial.as_dict(self._objective)) + "\n")
        self.trials.append(trial)

    @property
    def best(self) -> Trial | None:
        """The earliest one of the lowest loss; None where none has any."""
        return next((trial for trial in ranked(self.trials) if trial.failure is None), None)

    def _parsed(self, values: dict[str, Any]) -> Trial:
        return Trial(**{"loss" if name == self._objective else name: value for name, value in values.items()})


def ranked(trials: Iterable[Trial]) -> list[Trial]:
    """From the lowest loss to the highest, then those that failed."""
    return sorted(trials, key=lambda trial: math.inf if trial.loss is None else trial.loss)
