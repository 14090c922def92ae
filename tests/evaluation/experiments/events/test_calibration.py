"""Calibration of the predicted probabilities: counts against loops, and models of known calibration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rrn_tf.evaluation.experiments.events import calibration
from rrn_tf.evaluation.experiments.exhibits import Figure
from rrn_tf.evaluation.experiments.scored_events import ScoredEvents
from rrn_tf.evaluation.experiments.subjects import EventSubject, Scored
from tests.event_subjects import distributions, logged_events, scores_from, subject_of
from tests.events import with_items


def figure_of(subject: EventSubject) -> Figure:
    (figure,) = calibration.exhibits(subject)
    assert isinstance(figure, Figure)
    return figure


def test_bins_are_those_of_loops(subject: EventSubject, held: ScoredEvents) -> None:
    frame = figure_of(subject).frame
    for model in ("mixture", "2-gram"):
        top = held.models[model].likeliest
        assert top is not None
        bins: dict[float, list[tuple[float, bool, int]]] = {}
        for row, position in enumerate(held.positions):
            for item, log_p in zip(top.item[row], top.log_probability[row], strict=True):
                p = float(np.exp(np.float64(log_p)))
                low = max(edge for edge in calibration.EDGES[:-1] if edge <= p)
                bins.setdefault(low, []).append((p, item == subject.sequences.item[position], int(held.user[row])))
        rows = frame[frame["model"] == model].set_index("from")
        assert sorted(bins) == rows.index.tolist()
        for low, of in bins.items():
            assert rows.at[low, "predicted"] == pytest.approx(np.mean([p for p, _, _ in of]))
            assert rows.at[low, "observed"] == pytest.approx(np.mean([came for _, came, _ in of]))
            assert rows.at[low, "predictions"] == len(of)
            assert rows.at[low, "users"] == len({user for _, _, user in of})
    assert frame["predictions"].sum() == 2 * 10 * len(held.positions)


def drawn_by(sharper: float) -> EventSubject:
    """A subject whose events were drawn from the network's distributions, raised to a power."""
    events = logged_events(users=200, test=8)
    positions = subject_of(events).scores["clean"].positions
    p = distributions(events, positions, 0, seed=5)
    rng = np.random.default_rng(6)
    items = events.item.copy()
    items[positions] = 1 + (p.cumsum(axis=1) > rng.random((len(p), 1))).argmax(axis=1)
    drawn = with_items(events, items)
    told = p**sharper
    scores = scores_from(told / told.sum(axis=1, keepdims=True), drawn, positions)
    return replace(subject_of(drawn), compare=lambda: {"clean": Scored(positions, {"mixture": scores})})


def test_a_calibrated_model_is_found_to_be_one() -> None:
    figure = figure_of(drawn_by(1))
    far = (figure.frame["observed"] - figure.frame["predicted"]).abs() / figure.frame["s.e."]
    assert (far < 3).all()
    assert "which is not established" in figure.caption


def test_a_model_that_is_too_sure_is_found_out() -> None:
    figure = figure_of(drawn_by(2))
    highest = figure.frame.iloc[-1]
    assert highest["predicted"] - highest["observed"] > 5 * highest["s.e."]
    assert "points, which is established" in figure.caption


def test_bins_of_which_nothing_came_have_an_error_and_are_counted(subject: EventSubject, held: ScoredEvents) -> None:
    positions = held.positions[:3]
    p = np.full((3, 14), 0.02)
    p[:, 0] = 1 - 13 * 0.02
    events = with_items(subject.sequences, np.where(subject.sequences.item == 1, 2, subject.sequences.item))
    scores = scores_from(p, events, positions)
    figure = figure_of(
        replace(subject, sequences=events, compare=lambda: {"clean": Scored(positions, {"net": scores})})
    )
    top = figure.frame.iloc[-1]
    assert (top["predicted"], top["observed"]) == (pytest.approx(0.74), 0)
    assert top["s.e."] == pytest.approx(np.sqrt(0.74 * 0.26 / 3))
    assert "1 bin of which nothing came cannot be drawn" in figure.caption
