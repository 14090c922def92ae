"""The examples in docstrings run, and every class that is exported has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rrn_tf
from rrn_tf.data.interactions import Interactions
from rrn_tf.features import Split
from tests.events import uniform_events

PUBLIC = {
    "rrn_tf": {"CollaborativeRecommender", "RRNRecommender", "__version__", "load"},
    "rrn_tf.layers": {
        "CollaborativeGRUCell",
        "CollaborativeSimpleRNNCell",
        "EnsembleDense",
        "EnsembleLSTMCell",
        "HistoryAttention",
        "HistoryCopy",
        "InnovationEncoder",
        "ItemSoftmax",
        "MixtureGate",
        "RatingEmission",
        "StateTower",
        "StationaryFactors",
        "StepContext",
        "StepEncoder",
    },
    "rrn_tf.models": {"CollaborativeRNN", "RRN"},
    "rrn_tf.recommenders": {"CollaborativeRecommender", "RRNRecommender", "load"},
}
ROOT = Path(rrn_tf.__file__).parent
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(ROOT.rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]
# They train networks, or want the models of two runs.
SLOW = {f"rrn_tf.recommenders.{name}" for name in ("events", "loading", "ratings")}
SLOW |= {"rrn_tf.serving.saved_events", "rrn_tf.serving.saved_rrn", "rrn_tf.baselines.events.next_item_network"}
USUAL = {"np": "numpy", "tf": "tensorflow", "keras": "tf_keras"}


def small_data() -> dict[str, Any]:
    """What examples of baselines are fitted to: ratings, and events with the positions of those of the test."""
    draw = np.random.default_rng(0)

    def ratings(count: int) -> Interactions:
        user, item = (draw.integers(1, n + 1, count).astype(np.int32) for n in (8, 6))
        return Interactions(user, item, draw.integers(1, 6, count).astype(np.float32), np.arange(count), 8, 6)

    sequences = uniform_events(0)
    positions = np.flatnonzero(sequences.split == Split.TEST)
    return {
        "train": ratings(60),
        "valid": ratings(20),
        "test": ratings(20),
        "sequences": sequences,
        "positions": positions,
    }


def examples_of(name: str) -> list[doctest.DocTest]:
    """The docstrings of a module that have examples, which know libraries by their usual names."""
    module = importlib.import_module(name)
    known = {short: importlib.import_module(full) for short, full in USUAL.items()}
    known |= {**vars(module), **(small_data() if name.startswith("rrn_tf.baselines.") else {})}
    return [test for test in doctest.DocTestFinder().find(module, globs=known) if test.examples]


def run_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    runner = doctest.DocTestRunner()
    for test in examples_of(name):
        runner.run(test)
    assert not runner.failures, capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in WITH_EXAMPLES if name not in SLOW])
def test_examples_run(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    run_examples(name, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SLOW))
def test_examples_with_models_run(
    name: str,
    rating_run: Path,
    event_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where an example says ``runs/a`` there is a model of ratings, and in ``runs/b`` one of events."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "a").symlink_to(rating_run)
    (tmp_path / "runs" / "b").symlink_to(event_run)
    monkeypatch.chdir(tmp_path)
    run_examples(name, capsys)


def test_a_wrong_example_fails() -> None:
    test = doctest.DocTestParser().get_doctest(">>> round(-2.197000026702881, 3)\n-2.2\n", {}, "wrong", None, 0)
    assert doctest.DocTestRunner(verbose=False).run(test, out=lambda text: None).failed == 1


@pytest.mark.parametrize("package", PUBLIC)
def test_exports_are_pinned_and_have_examples_that_run(package: str) -> None:
    module = importlib.import_module(package)
    assert set(module.__all__) == PUBLIC[package]
    for exported in (getattr(module, name) for name in module.__all__ if name != "__version__"):
        examples = doctest.DocTestParser().get_examples(inspect.getdoc(exported) or "")
        assert examples, f"{package}.{exported.__name__}: expected an example, found none"
        assert not any(doctest.SKIP in example.options for example in examples), exported.__name__
