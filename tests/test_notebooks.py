"""The notebooks in docs run from the first cell to the last and show what they say."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parents[1] / "docs" / "notebooks"
pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    return lambda name: runpy.run_path(str(NOTEBOOKS / name))


def test_both_are_short() -> None:
    assert all(len(page.read_text(encoding="utf-8").splitlines()) < 120 for page in NOTEBOOKS.glob("*.py"))


def test_later_ratings_are_worth_something_without_retraining(run: Any) -> None:
    found = run("recurrent_recommender_networks.py")
    assert found["figures"]["best reachable"] < found["figures"]["streaming"] < 0.9 * found["figures"]["frozen"]
    assert found["figures"]["frozen"] < found["figures"]["mean rating"]
    first, *others = found["monthly"].values()
    assert first["updated"] == first["without updates"]
    assert all(month["updated"] < month["without updates"] for month in others)


def test_the_mixture_is_best_and_the_network_beats_shared_counts(run: Any) -> None:
    loss = run("collaborative_rnn.py")["table"]["nll"]
    assert loss["best reachable"] < loss["mixture"] == loss.drop("best reachable").min()
    assert loss["C-GRU"] < loss["2-gram"]
