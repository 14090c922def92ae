"""Error by time, against loops."""

from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.evaluation.experiments.events import error_by_time
from rrn_tf.evaluation.experiments.exhibits import Figure, Omitted
from rrn_tf.evaluation.experiments.scored_events import ScoredEvents
from rrn_tf.evaluation.experiments.subjects import EventSubject
from rrn_tf.features import Split
from tests.event_subjects import subject_of
from tests.events import random_events

DAY = 86_400


def test_spans_since_training_hold_what_loops_find(subject: EventSubject, held: ScoredEvents) -> None:
    figure, _ = error_by_time.exhibits(subject)
    assert isinstance(figure, Figure)
    events = subject.sequences
    days = []
    for position, user in zip(held.positions, held.user, strict=True):
        of_user = (events.user == user) & (events.split == Split.TRAIN)
        days.append((events.timestamp[position] - events.timestamp[of_user].max()) / DAY)
    rows = figure.frame[figure.frame["model"] == "2-gram"]
    assert len(rows) > 3
    assert rows["events"].sum() == len(days)
    for _, row in rows.iterrows():
        inside = (np.array(days) >= row["from day"] - 1e-9) & (np.array(days) <= row["to day"] + 1e-9)
        loss = -held.models["2-gram"].log_probability
        users = np.unique(held.user[inside])
        assert row["events"] == inside.sum()
        assert row["middle day"] == pytest.approx(np.mean(np.array(days)[inside]))
        expected = np.mean([loss[inside & (held.user == user)].mean() for user in users])
        assert row["NLL"] == pytest.approx(expected, rel=1e-5)
    first = figure.frame.iloc[0]
    assert f"goes from {first['NLL']:.2f} ± {first['s.e.']:.2f} (" in figure.caption


def test_gaps_since_the_last_event(subject: EventSubject, held: ScoredEvents) -> None:
    _, figure = error_by_time.exhibits(subject)
    assert isinstance(figure, Figure)
    events = subject.sequences
    gap = events.timestamp[held.positions] - events.timestamp[held.positions - 1]
    bounds = {"< 1 hour": (0, 3_600), "< 1 day": (3_600, DAY), "< 1 week": (DAY, 7 * DAY)}
    rows = figure.frame[figure.frame["model"] == "mixture"].set_index("kind")
    for kind, (low, high) in bounds.items():
        inside = (gap >= low) & (gap < high)
        assert rows.at[kind, "events"] == inside.sum() > 0
        again = [events.item[p] in events.item[events.user_splits[events.user[p]] : p] for p in held.positions[inside]]
        assert rows.at[kind, "repeats"] == pytest.approx(np.mean(again))


def test_a_user_without_training_events_has_no_such_time() -> None:
    since_training, since_last = error_by_time.exhibits(subject_of(random_events([(9, 1, 2), (0, 0, 3)], 6)))
    assert isinstance(since_training, Omitted)
    assert "no training event" in since_training.reason
    assert isinstance(since_last, Figure)
