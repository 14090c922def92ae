"""Experiments for tests of the report, in place of those of the registry."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted, Table
from rrn_tf.evaluation.experiments.registry import Experiment

HOSTILE = "</script><script>alert(1)</script>"


def one_of_each(subject: Any) -> list[Exhibit]:
    """A table, a figure and what is left out, with texts that would break a page that did not escape them."""
    frame = pd.DataFrame({"item": [HOSTILE, "a $5 b$"], "mean_rating": [3.14159, 2.0], "n": [12_345, 2013]})

    def draw(canvas: Any) -> None:
        axes = canvas.subplots()
        axes.plot(frame["n"], frame["mean_rating"], label=HOSTILE)
        axes.set_title("a $5 b$")
        axes.legend()

    return [
        Table("a_table", "A table", f"It has {HOSTILE}.", frame, {"mean_rating": "+.2f"}),
        Figure("a_figure", "A figure", f"It shows {HOSTILE}.", frame, draw),
        Omitted("no_items", "Nothing", "there are no items; `--items` gives them"),
    ]


def failing(subject: Any) -> list[Exhibit]:
    raise ZeroDivisionError("no ratings\nat all")


def show(monkeypatch: pytest.MonkeyPatch, **experiments: Any) -> None:
    """Lets reports have these experiments alone."""
    found = [
        Experiment(name, n, f"Title of {name}", "A paper, Figure 1", of)
        for n, (name, of) in enumerate(experiments.items())
    ]
    monkeypatch.setattr("rrn_tf.report.parts.experiments", lambda task: found)
