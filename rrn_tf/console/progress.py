"""Progress of slow operations: a bar on a terminal or in a notebook; elsewhere plain lines of training alone."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from rrn_tf.console.terminal import terminal
from rrn_tf.training.listeners import Listener, Record


class PlainLines(Listener):
    """A listener that prints one line per epoch."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def on_start(self, description: str) -> None:
        self._console.print(description, soft_wrap=True)

    def on_stage(self, description: str) -> None:
        self._console.print(description, soft_wrap=True)

    def on_epoch(self, record: Record) -> None:
        self._console.print(record.summary(), soft_wrap=True)


class ProgressBar(PlainLines):
    """A `PlainLines` that also shows a bar over the batches of the current phase."""

    def __init__(self, console: Console, progress: Progress) -> None:
        super().__init__(console)
        self._progress = progress
        self._task: TaskID | None = None
        self._running = ""

    def on_batch(self, epoch: int, phase: str, done: int, of: int) -> None:
        running = f"epoch {epoch} {phase.replace('_', ' ')}"
        if self._task is None or running != self._running:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._running, self._task = running, self._progress.add_task(running, total=of)
        self._progress.update(self._task, completed=done)


@contextmanager
def training_listener() -> Iterator[Listener]:
    """Yields a listener: a bar if standard output is a terminal or a notebook with widgets, else plain lines."""
    console = terminal()
    if not _shows_bars(console):
        yield PlainLines(console)
        return
    with _progress(console) as progress:
        yield ProgressBar(console, progress)


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
    """Yields a function that updates a bar, called with the amounts done and in total."""
    console = terminal()
    if not _shows_bars(console):
        yield lambda done, of: None
        return
    with _progress(console) as progress:
        task = progress.add_task(description, total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)


def _shows_bars(console: Console) -> bool:
    """Returns whether a bar can be drawn; rich draws it in a notebook only by the package `ipywidgets`."""
    return console.is_terminal or (console.is_jupyter and importlib.util.find_spec("ipywidgets") is not None)


def _progress(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True)
