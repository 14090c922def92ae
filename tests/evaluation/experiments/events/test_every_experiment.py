"""What holds for all tables and figures about events, on runs of all kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.container import BarContainer
from matplotlib.figure import Figure as Canvas

from rrn_tf.evaluation.event_protocols import INTERLEAVED
from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted, Table
from rrn_tf.evaluation.experiments.registry import experiments
from rrn_tf.evaluation.experiments.subjects import EventSubject
from rrn_tf.features import Split
from tests.event_subjects import logged_events, subject_of


def without_likeliest(subject: EventSubject) -> EventSubject:
    scored = {
        protocol: of._replace(models={name: replace(scores, likeliest=None) for name, scores in of.models.items()})
        for protocol, of in subject.scores.items()
    }
    return replace(subject, compare=lambda: scored)


KINDS: dict[str, tuple[Callable[[], EventSubject], set[str]]] = {
    "usual": (lambda: subject_of(logged_events()), set()),
    "no test split": (lambda: subject_of(logged_events().without([Split.TEST])), set()),
    "one user": (lambda: subject_of(logged_events(users=1)), {"nll_by_entropy"}),
    "one item": (lambda: subject_of(logged_events(num_items=1)), set()),
    "no baselines": (lambda: subject_of(logged_events(), [("C-GRU", 0.5)]), set()),
    "no metrics.json": (lambda: subject_of(logged_events(), metrics={}), {"learning_curves", "left_out"}),
    "clean alone": (
        lambda: replace(
            subject_of(logged_events()), compare=lambda: {"clean": subject_of(logged_events()).scores["clean"]}
        ),
        {f"models_{INTERLEAVED}"},
    ),
    "one event held out": (
        lambda: subject_of(logged_events(valid=0, test=1)),
        {f"models_{INTERLEAVED}"},
    ),
    "unknown likeliest": (lambda: without_likeliest(subject_of(logged_events())), {"calibration"}),
    "nothing held out": (
        lambda: subject_of(logged_events().without([Split.VALID, Split.TEST])),
        {
            *("models_clean", "models_interleaved", "nll_by_entropy", "next_item_kinds", "calibration", "limits"),
            *("nll_since_training", "nll_since_last_event"),
        },
    ),
}


def assert_told_apart_without_colour(canvas: Canvas) -> None:
    for axes in canvas.axes:
        looks = [(line.get_marker(), line.get_linestyle()) for line in axes.lines if line.get_marker() in {*"os^Dv"}]
        assert len(set(looks)) == len(looks)
        hatches = [bars.patches[0].get_hatch() for bars in axes.containers if isinstance(bars, BarContainer)]
        assert len(set(hatches)) == len(hatches)


@pytest.mark.parametrize("kind", KINDS)
def test_each_run_has_its_tables_and_figures(kind: str) -> None:
    make, missing = KINDS[kind]
    subject = make()
    found: dict[str, Exhibit] = {}
    for experiment in experiments("crnn"):
        for exhibit in experiment.exhibits(subject):
            assert exhibit.name not in found
            found[exhibit.name] = exhibit
    assert {name for name, of in found.items() if isinstance(of, Omitted)} == missing
    for of in found.values():
        text = of.reason if isinstance(of, Omitted) else of.caption
        assert text.endswith(".")
        assert not any(word in text for word in ("nan", "inf ", "None", "  "))
        if isinstance(of, Omitted):
            continue
        assert len(of.frame)
        assert not of.frame.columns.duplicated().any()
        if isinstance(of, Table):
            assert set(of.formats) <= {*of.frame}
            for column, form in of.formats.items():
                assert all(format(value, form) for value in of.frame[column])
        if isinstance(of, Figure):
            canvas = Canvas(figsize=of.size)
            of.draw(canvas)
            assert all(axes.has_data() for axes in canvas.axes)
            assert_told_apart_without_colour(canvas)


def test_experiments_are_in_the_order_of_the_report() -> None:
    names = [experiment.name for experiment in experiments("crnn")]
    order = ["data_table", "models", "entropy_bins", "repeats", "calibration", "error_by_time", "learning", "limits"]
    assert names == order


def test_numbers_are_finite(subject: EventSubject) -> None:
    for experiment in experiments("crnn"):
        for exhibit in experiment.exhibits(subject):
            assert not isinstance(exhibit, Omitted)
            numbers = exhibit.frame.select_dtypes("number")
            missing = [name for name in numbers if not np.isfinite(numbers[name]).all()]
            # The network does not differ from itself.
            assert set(missing) <= {"difference", "s.e. of difference"}
