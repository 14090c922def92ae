"""Progress is shown where it can be drawn, and elsewhere told in lines that do not come too often."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from rrn_tf.console import progress
from rrn_tf.console.progress import PhaseProgress, Running, seconds_left
from rrn_tf.slow_work import Amount, tell, working


class Clock:
    """Seconds that pass only when a test says so."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Shown:
    """What `Running` shows on a terminal or a plain stream, by a fake clock."""

    def __init__(self, *, bars: bool) -> None:
        self.clock, self.stream = Clock(), io.StringIO()
        console = Console(file=self.stream, width=100, force_terminal=bars, color_system=None)
        self.running = Running(console, bars=bars, clock=self.clock)

    def pass_time(self, seconds: float, what: str, amount: Amount | None) -> None:
        self.clock.now += seconds
        self.running(what, amount)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


def test_the_time_left_is_what_the_speed_so_far_promises() -> None:
    shown = Shown(bars=True)
    for done in range(5):
        shown.pass_time(3, "fitting", Amount(done, 20))
    (task,) = shown.running.progress.tasks
    assert (task.elapsed, seconds_left(task)) == (12, 16 * 3)
    shown.clock.now += 12
    assert seconds_left(task) == 16 * 6, "a part that takes long makes it longer"
    shown.clock.now -= 12
    table = shown.running.progress.make_tasks_table([task])
    shown.running.console.print(table)
    assert shown.lines[0].split()[0] == "fitting"
    assert shown.lines[0].split()[-3:] == ["4/20", "0:00:12", "0:00:48"]
    shown.pass_time(1, "fitting", None)
    assert shown.running.progress.tasks == []


def test_what_was_done_before_does_not_count_as_speed() -> None:
    """A training that goes on at epoch 8 of 10 has done nothing yet."""
    shown = Shown(bars=True)
    shown.pass_time(0, "epochs", Amount(7, 10))
    (task,) = shown.running.progress.tasks
    assert seconds_left(task) is None
    shown.pass_time(60, "epochs", Amount(8, 10))
    assert seconds_left(task) == 120


def test_without_bars_slow_work_is_told_in_lines_that_become_rare() -> None:
    shown = Shown(bars=False)
    for done in range(200):
        shown.pass_time(1, "fitting", Amount(done, 1_000))
    assert shown.lines == [
        "fitting: 5 of 1,000 after 5 s, about 16 min 35 s left",
        "fitting: 15 of 1,000 after 15 s, about 16 min 25 s left",
        "fitting: 35 of 1,000 after 35 s, about 16 min 05 s left",
        "fitting: 75 of 1,000 after 1 min 15 s, about 15 min 25 s left",
        "fitting: 135 of 1,000 after 2 min 15 s, about 14 min 25 s left",
        "fitting: 195 of 1,000 after 3 min 15 s, about 13 min 25 s left",
    ]


def test_fast_work_and_the_last_seconds_of_slow_work_are_not_told() -> None:
    shown = Shown(bars=False)
    for number in range(20):
        for done in range(5):
            shown.pass_time(1, f"epoch {number}", Amount(done, 5))
        shown.pass_time(0, f"epoch {number}", None)
    for done in (0, 4, 8):
        shown.pass_time(2, "slow", Amount(done, 9))
    assert shown.lines == []


def test_work_of_unknown_length_is_told_with_what_goes_on_inside_it() -> None:
    shown = Shown(bars=False)
    shown.pass_time(0, "preparing ratings", Amount(0))
    shown.pass_time(4, "reading files, in blocks", Amount(1, 8))
    shown.pass_time(4, "reading files, in blocks", Amount(2, 8))
    assert shown.lines == [
        "preparing ratings: after 8 s; reading files, in blocks: 2 of 8 after 4 s, about 24 s left",
    ]
    shown.pass_time(7_200, "reading files, in blocks", Amount(3, 8))
    assert shown.lines[1].startswith("preparing ratings: after 2 h 00 min; reading files, in blocks: 3 of 8 after")


def test_work_that_tells_too_often_is_shown_now_and_then() -> None:
    shown = Shown(bars=True)
    for done in range(1_001):
        shown.pass_time(0.0001, "following", Amount(done, 1_000))
    (task,) = shown.running.progress.tasks
    assert len(task._progress) < 10, "changes of the bar"
    assert task.finished, "the last part is shown at once"


def test_phases_of_training_come_and_go() -> None:
    shown = Shown(bars=True)
    listener = PhaseProgress(shown.running)
    listener.on_batch(1, "user_phase", 1, 2)
    assert [task.description for task in shown.running.progress.tasks] == ["epoch 1 user phase"]
    listener.on_batch(1, "user_phase", 2, 2)
    assert shown.running.progress.tasks == []


def test_one_display_goes_on_within_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal draws one display at a time: a component that trains shares that of the whole run."""
    stream = io.StringIO()
    monkeypatch.setattr(progress, "terminal", lambda: Console(file=stream, force_terminal=True, width=90))
    with progress.showing() as outer, working("components", 3):
        with progress.training_listener() as listener, progress.bar("recommending") as on_users:
            listener.on_batch(1, "user_phase", 1, 2)
            on_users(1, 4)
            described = [task.description for task in outer.progress.tasks]
        assert described == ["components", "epoch 1 user phase", "recommending"]
        assert "recommending" not in [task.description for task in outer.progress.tasks]
    assert "components" in stream.getvalue()
    with progress.showing() as another:
        assert another is not outer
    tell("nobody listens", 1)


@pytest.mark.parametrize(
    ("terminal", "jupyter", "widgets", "bars"),
    [(True, False, False, True), (False, True, True, True), (False, True, False, False), (False, False, True, False)],
)
def test_bars_need_a_terminal_or_widgets(
    terminal: bool, jupyter: bool, widgets: bool, bars: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if widgets else None)
    console = SimpleNamespace(is_terminal=terminal, is_jupyter=jupyter)
    assert progress._shows_bars(console) is bars


def test_training_in_a_notebook_has_a_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    with progress.notebook_listeners() as listeners:
        assert listeners == []
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with progress.notebook_listeners() as (listener,):
        assert isinstance(listener, progress.PlainLines)
