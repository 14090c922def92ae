"""Progress is shown where it can be drawn."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rrn_tf.console import progress


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
