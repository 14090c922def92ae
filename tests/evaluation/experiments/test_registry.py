from __future__ import annotations

from itertools import chain

import pytest
from matplotlib.figure import Figure as Canvas

from rrn_tf.evaluation.experiments.exhibits import Exhibit, Figure, Omitted, Table
from rrn_tf.evaluation.experiments.registry import experiments
from rrn_tf.features import Split
from tests.subjects import generated_sequences, rating_subject, sequences_of


@pytest.mark.parametrize("task", ["rrn", "crnn"])
def test_every_module_says_where_it_stands_and_what_it_is(task: str) -> None:
    found = experiments(task)
    assert [experiment.order for experiment in found] == sorted(experiment.order for experiment in found)
    for experiment in found:
        assert isinstance(experiment.order, int)
        assert experiment.title.strip() == experiment.title != ""
        assert "\n" not in experiment.title + experiment.source
        assert callable(experiment.exhibits)
    titles = [experiment.title for experiment in found]
    assert len(set(titles)) == len(titles)


def test_the_papers_tables_and_figures_are_there() -> None:
    sources = {experiment.source.rpartition(", ")[2] for experiment in experiments("rrn")}
    assert sources >= {f"Table {number}" for number in (1, 2, 3)}
    assert sources >= {f"Figure {number}" for number in (1, 2, 9, 10, 11)}


# Those that need no network.
OURS = {
    *("data_summary", "rmse_of_models", "accuracy_and_size", "density_in_time", "granularity", "limits"),
    *("gain_by_user_ratings", "gain_by_item_ratings", "gain_without_retraining"),
    *("calibration_of_ratings", "error_by_time", "learning"),
}


_OF_TEST = [Split.TEST, Split.TEST_COLD]
SUBJECTS = {
    "usual": rating_subject,
    "no test": lambda: rating_subject(generated_sequences().without(_OF_TEST)),
    "nothing held out": lambda: rating_subject(generated_sequences().without([split for split in Split if split])),
    "no streaming": lambda: rating_subject(errors={"frozen": {"RRN": 1.0, "bias": 1.0}}),
    "one user": lambda: rating_subject(
        sequences_of([1] * 6, [1, 2, 3] * 2, range(6), range(-3, 3), [0, 0, 0, 1, 2, 2])
    ),
    "nobody new": lambda: rating_subject(generated_sequences(new=0)),
}


def everything(kind: str = "usual") -> list[Exhibit]:
    subject = SUBJECTS[kind]()
    return [*chain.from_iterable(of.exhibits(subject) for of in experiments("rrn") if of.name in OURS)]


@pytest.mark.parametrize("kind", SUBJECTS)
def test_exhibits_have_unique_names_and_whole_sentences(kind: str) -> None:
    found = everything(kind)
    names = [exhibit.name for exhibit in found]
    assert len(set(names)) == len(names)
    for exhibit in found:
        text = exhibit.reason if isinstance(exhibit, Omitted) else exhibit.caption
        assert text.endswith("."), exhibit.name
        assert "nan" not in text, exhibit.name
        assert "  " not in text, exhibit.name
        if isinstance(exhibit, Table | Figure):
            assert len(exhibit.frame), exhibit.name
            assert exhibit.frame.columns.is_unique, exhibit.name
            assert set(getattr(exhibit, "formats", {})) <= set(exhibit.frame.columns), exhibit.name
        if isinstance(exhibit, Figure):
            exhibit.draw(Canvas())


def test_every_line_of_a_figure_can_be_told_from_the_others_without_colour() -> None:
    for figure in everything():
        if not isinstance(figure, Figure):
            continue
        canvas = Canvas(figsize=figure.size)
        figure.draw(canvas)
        for axes in canvas.axes:
            named = [line for line in axes.lines if not line.get_label().startswith("_")]
            bars = [bar.lines[0] for bar in axes.containers]
            styles = [(line.get_marker(), str(line.get_linestyle())) for line in [*named, *bars]]
            assert len(set(styles)) == len(styles), figure.name
            assert axes.get_ylabel(), figure.name
