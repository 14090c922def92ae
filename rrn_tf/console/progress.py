"""Progress of slow work: a bar with the time left on a terminal or in a notebook, and elsewhere a line now and then."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from rrn_tf.console.terminal import terminal
from rrn_tf.slow_work import Amount, heard_by
from rrn_tf.training.listeners import Listener, Record

_SLOW = 5.0  # seconds: faster work, or what little is left of slow work, is not worth a line
_WORTH_TELLING = 1.0  # seconds that work has gone on, inside of slow work
_OFTEN = 0.05  # seconds between two changes of a bar: work may tell more often than a terminal can draw
_LONGEST_PAUSE = 60.0  # seconds between two lines; the pause doubles from `_SLOW` up to this

_shown: list[Running] = []  # at most one


class Running:
    """Shows the slow work that goes on.

    Args:
      console: where to.
      bars: whether to draw bars; if not, a line is printed about work that takes long.
      clock: returns seconds.
    """

    def __init__(self, console: Console, *, bars: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console
        # Without bars it is never started, and only estimates the time left.
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeLeftColumn(),
            console=console,
            transient=True,
            get_time=clock,
        )
        self._bars = bars
        self._clock = clock
        self._tasks: dict[str, TaskID] = {}
        self._next_change: dict[str, float] = {}
        self._next_line = 0.0
        self._pause = _SLOW

    def __call__(self, what: str, amount: Amount | None) -> None:
        """Shows how much of some work is done, or no longer shows it: a `rrn_tf.slow_work.Listening`."""
        if amount is None:
            if (ended := self._tasks.pop(what, None)) is not None:
                self.progress.remove_task(ended)
            return
        now = self._clock()
        if what not in self._tasks:
            if not self._tasks:
                self._next_line, self._pause = now + _SLOW, _SLOW
            self._tasks[what] = self.progress.add_task(what, total=amount.of, begin=amount.done)
        elif amount.done != amount.of and now < self._next_change.get(what, now):
            return
        self._next_change[what] = now + _OFTEN
        self.progress.update(self._tasks[what], completed=amount.done, total=amount.of)
        if not self._bars and now >= self._next_line:
            self._print_line(now)

    def _print_line(self, now: float) -> None:
        told = [task for task in self.progress.tasks if not task.finished and (task.elapsed or 0.0) >= _WORTH_TELLING]
        left = [seconds_left(task) for task in told]
        if not told or all(seconds is not None and seconds < _SLOW for seconds in left):
            return
        self.console.print("; ".join(map(described, told)), soft_wrap=True)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        self._next_line = now + self._pause


def described(task: Task) -> str:
    """Returns how far a task is, in words."""
    done = f"{task.completed:,.0f}" if task.completed or task.total else ""
    of = f" of {task.total:,.0f}" if task.total else ""
    left = seconds_left(task)
    ahead = "" if left is None else f", about {_duration(left)} left"
    return f"{task.description}: {done}{of}{' ' if done else ''}after {_duration(task.elapsed or 0.0)}{ahead}"


def seconds_left(task: Task) -> float | None:
    """Returns how long a task takes if the rest is as fast as what has been done; None as long as nobody knows.

    Unlike rich's estimate, by the speed of the latest parts, it grows while a part takes long.
    """
    done = task.completed - task.fields["begin"]
    return task.elapsed * task.remaining / done if task.elapsed and task.remaining is not None and done > 0 else None


class TimeLeftColumn(ProgressColumn):
    """Shows `seconds_left`."""

    max_refresh = 0.5  # seconds; else it flickers

    def render(self, task: Task) -> Text:
        left = seconds_left(task)
        return Text("-:--:--" if left is None else str(timedelta(seconds=round(left))), style="progress.remaining")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


class PlainLines(Listener):
    """A listener that prints one line per epoch and stage."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def on_start(self, description: str) -> None:
        self._console.print(description, soft_wrap=True)

    def on_stage(self, description: str) -> None:
        self._console.print(description, soft_wrap=True)

    def on_epoch(self, record: Record) -> None:
        self._console.print(record.summary(), soft_wrap=True)


class PhaseProgress(PlainLines):
    """A `PlainLines` that also shows how many batches of the current phase are done."""

    def __init__(self, running: Running) -> None:
        super().__init__(running.console)
        self._running = running

    def on_batch(self, epoch: int, phase: str, done: int, of: int) -> None:
        what = f"epoch {epoch} {phase.replace('_', ' ')}"
        self._running(what, Amount(done, of))
        if done == of:
            self._running(what, None)


@contextmanager
def showing() -> Iterator[Running]:
    """Shows the slow work of this process: bars if standard output is a terminal or a notebook with widgets.

    Within another `showing` the same bars go on.
    """
    if _shown:
        yield _shown[0]
        return
    console = terminal()
    bars = _shows_bars(console)
    running = Running(console, bars=bars)
    _shown.append(running)
    try:
        with heard_by(running), running.progress if bars else nullcontext():
            yield running
    finally:
        _shown.clear()


@contextmanager
def training_listener() -> Iterator[Listener]:
    """Yields a listener that prints a line per epoch and stage, while slow work is shown (see `showing`)."""
    with showing() as running:
        yield PhaseProgress(running)


@contextmanager
def notebook_listeners() -> Iterator[list[Listener]]:
    """Yields the `training_listener` in a list in a Jupyter notebook, and an empty list anywhere else."""
    if not terminal().is_jupyter:
        yield []
        return
    with training_listener() as listener:
        yield [listener]


@contextmanager
def bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """Yields a function that shows the amounts done and in total, called with both."""
    with showing() as running:
        try:
            yield lambda done, of: running(description, Amount(done, of))
        finally:
            running(description, None)


def _shows_bars(console: Console) -> bool:
    """Returns whether a bar can be drawn; rich draws it in a notebook only by the package `ipywidgets`."""
    return console.is_terminal or (console.is_jupyter and importlib.util.find_spec("ipywidgets") is not None)
