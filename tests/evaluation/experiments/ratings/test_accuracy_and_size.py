from __future__ import annotations

from matplotlib.figure import Figure as Canvas

from rrn_tf.evaluation.experiments.drawing import short_count
from rrn_tf.evaluation.experiments.exhibits import Figure
from rrn_tf.evaluation.experiments.held_out import held_out
from rrn_tf.evaluation.experiments.ratings import accuracy_and_size
from tests.subjects import rating_subject


def test_every_model_is_a_labelled_point() -> None:
    subject = rating_subject()
    frozen, streaming = accuracy_and_size.exhibits(subject)
    of = held_out(subject, "frozen")
    assert isinstance(frozen, Figure)
    assert of is not None
    assert frozen.frame.to_numpy().tolist() == [[name, 10**at, of.rmse(name)] for at, name in enumerate(of.models, 1)]
    canvas = Canvas()
    frozen.draw(canvas)
    (axes,) = canvas.axes
    assert sorted(text.get_text() for text in axes.texts) == sorted(of.models)
    assert [axes.xaxis.get_major_formatter()(tick) for tick in axes.get_xticks()] == ["10", "100", "1k"]
    assert "No model that is smaller than the RRN is as accurate." in frozen.caption
    assert streaming.frame["model"].tolist() == ["RRN", "online bias"]


def test_smaller_and_better_models_are_named() -> None:
    errors = {"frozen": {"RRN": 1.0, "bias": 0.5}}
    subject = rating_subject(errors=errors)
    found = subject.predictions["frozen"].models
    found["bias"] = found["bias"].__class__(found["bias"].rating, None, 0)
    (figure,) = accuracy_and_size.exhibits(subject)
    assert "Smaller and no less accurate: bias." in figure.caption
    figure.draw(Canvas())  # a model of no values has a place too


def test_short_counts() -> None:
    assert [short_count(count) for count in (0, 999, 1000, 1_500_000)] == ["0", "999", "1k", "1.5M"]
