"""The parts of a report: every experiment of a task, computed from the subject."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted
from rrn_tf.evaluation.experiments.registry import Experiment, experiments
from rrn_tf.report.figures import Drawing, drawn
from rrn_tf.report.subjects_of_runs import Subject

OnPart = Callable[[str, int, int], None]


class ExperimentError(RuntimeError):
    """An experiment failed, and there is no report; the message names the experiment and what leaves it out.

    The exception that the experiment raised is the cause.
    """


@dataclass(frozen=True)
class Part:
    """What one experiment shows.

    Attributes:
      name, title, source: those of the experiment.
      exhibits: its tables and figures, and notes on those that are left out.
      drawings: the figures as files, by their name.
      seconds: how long it took.
    """

    name: str
    title: str
    source: str
    exhibits: tuple[Exhibit, ...]
    drawings: Mapping[str, Drawing]
    seconds: float


def parts_of(
    task: str,
    subject: Subject,
    without: Collection[str] = (),
    on_part: OnPart | None = None,
    on_failure: Callable[[str], None] | None = None,
) -> list[Part]:
    """Computes the tables and figures of a task's experiments, in the order of the report.

    Args:
      task: ``rrn`` or ``crnn``.
      subject: what the report is about.
      without: names of experiments to leave out.
      on_part: called before each experiment with its title, the number of those done, and that of all.
      on_failure: called with a line about each experiment that fails, which the report then says of itself; by default
        the error is raised.

    Raises:
      ExperimentError: if an experiment fails, or two exhibits have one name.
      ValueError: for an unknown name in `without`.
    """
    every = experiments(task)
    if unknown := sorted(set(without) - {experiment.name for experiment in every}):
        names = ", ".join(experiment.name for experiment in every)
        raise ValueError(f"expected experiments of {task} to leave out ({names}), found {unknown[0]}")
    chosen = [experiment for experiment in every if experiment.name not in without]
    parts = []
    for done, experiment in enumerate(chosen):
        if on_part:
            on_part(experiment.title, done, len(chosen))
        begin = time.perf_counter()
        try:
            exhibits, drawings = _shown(experiment, subject)
        except ExperimentError as error:
            if on_failure is None:
                raise
            on_failure(str(error))
            told = f"This failed with {_told(error.__cause__)}."
            exhibits, drawings = [Omitted(experiment.name, experiment.title, told)], {}
        seconds = time.perf_counter() - begin
        parts.append(Part(experiment.name, experiment.title, experiment.source, tuple(exhibits), drawings, seconds))
    counts = Counter(exhibit.name for part in parts for exhibit in part.exhibits)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise ExperimentError(f"expected exhibits of different names, found {twice[0]} twice")
    return parts


def _shown(experiment: Experiment, subject: Subject) -> tuple[Sequence[Exhibit], dict[str, Drawing]]:
    try:
        exhibits = experiment.exhibits(subject)
        return exhibits, {exhibit.name: drawn(exhibit) for exhibit in exhibits if isinstance(exhibit, Figure)}
    except (KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:
        name = experiment.name
        raise ExperimentError(
            f"experiment {name}: {_told(error)} (--without {name} leaves it out, --debug shows where)"
        ) from error


def _told(error: BaseException | None) -> str:
    """Describes an exception by its class and the first line of its message."""
    first = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
