"""The registry of experiments: what the modules of `ratings` and `events` show.

A module names its place (`ORDER`), its headline (`TITLE`), where it is published (`SOURCE`, empty if nowhere), and has
a function ``exhibits(subject)`` that returns its tables and figures.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rrn_tf.evaluation.experiments import events, ratings
from rrn_tf.evaluation.experiments.exhibits import Exhibit

_FOLDERS = {"rrn": ratings, "crnn": events}  # by the name of the task


@dataclass(frozen=True)
class Experiment:
    """One part of a report.

    Attributes:
      name: the name of its module.
      order: where it stands in the report; the lowest is first.
      title: one line.
      source: the publication and its table or figure, or empty.
      exhibits: computes its tables and figures from a `RatingSubject` or an `EventSubject`.
    """

    name: str
    order: int
    title: str
    source: str
    exhibits: Callable[[Any], Sequence[Exhibit]]


def experiments(task: str) -> list[Experiment]:
    """Returns the experiments of a task (``rrn`` or ``crnn``) in the order of the report."""
    package = _FOLDERS[task]
    found = []
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        of = importlib.import_module(module.name)
        found.append(Experiment(module.name.rpartition(".")[2], of.ORDER, of.TITLE, of.SOURCE, of.exhibits))
    return sorted(found, key=lambda experiment: (experiment.order, experiment.name))
