"""The experiments of a report."""

from __future__ import annotations

from typing import Any

import pytest

from rrn_tf.evaluation.experiments.exhibits import Omitted
from rrn_tf.report.parts import ExperimentError, parts_of
from tests.report_fakes import failing, one_of_each, show


def test_a_failure_names_its_experiment_and_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch, good=one_of_each, bad=failing)
    subject: Any = None
    with pytest.raises(ExperimentError) as raised:
        parts_of("rrn", subject)
    assert str(raised.value) == (
        "experiment bad: ZeroDivisionError: no ratings (--without bad leaves it out, --debug shows where)"
    )
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    told = []
    (part,) = parts_of("rrn", subject, ["bad"], lambda *of: told.append(of))
    assert (part.name, part.title, len(part.exhibits), list(part.drawings)) == (
        "good",
        "Title of good",
        3,
        ["a_figure"],
    )
    assert told == [("Title of good", 0, 1)]
    lines: list[str] = []
    _, bad = parts_of("rrn", subject, on_failure=lines.append)
    assert lines == [str(raised.value)]
    assert bad.exhibits == (Omitted("bad", "Title of bad", "This failed with ZeroDivisionError: no ratings."),)
    with pytest.raises(ValueError, match=r"leave out \(good, bad\), found worse"):
        parts_of("rrn", subject, ["worse"])


def test_two_exhibits_of_one_name_would_be_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch, one=one_of_each, other=one_of_each)
    subject: Any = None
    with pytest.raises(ExperimentError, match="found a_table twice"):
        parts_of("rrn", subject)
