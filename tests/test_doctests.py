"""The examples in docstrings run, and every class that is exported has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import rrn_tf

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
    name
    for name in sorted(module.name for module in pkgutil.walk_packages([str(ROOT)], "rrn_tf."))
    if not name.endswith("__main__") and ">>>" in Path(importlib.util.find_spec(name).origin).read_text()
]


def examples_of(name: str) -> Iterator[doctest.DocTest]:
    """The docstrings of a module that have examples, which know NumPy, TensorFlow and Keras by their usual names."""
    module = importlib.import_module(name)
    usual = {"np": "numpy", "tf": "tensorflow", "keras": "tf_keras"}
    known = {**{short: importlib.import_module(full) for short, full in usual.items()}, **vars(module)}
    finder = doctest.DocTestFinder(exclude_empty=True)
    return (test for test in finder.find(module, globs=known) if test.examples)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in examples_of(name):
        runner.run(test)
    assert not runner.failures, capsys.readouterr().out
