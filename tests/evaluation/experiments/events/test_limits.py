"""Rows that were left out, and what the network does not foresee."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rrn_tf.evaluation.experiments.events import limits
from rrn_tf.evaluation.experiments.exhibits import Table
from rrn_tf.evaluation.experiments.scored_events import ScoredEvents
from rrn_tf.evaluation.experiments.subjects import EventSubject


def test_each_rule_is_counted_with_its_setting(subject: EventSubject) -> None:
    table, _ = limits.exhibits(subject)
    assert isinstance(table, Table)
    found = [row[:4] for row in table.frame.itertuples(index=False, name=None)]
    assert found == [
        ("row that cannot be read: timestamp_missing", 3, 0, 0),
        ("data.min_item_events=4", 20, 1, 5),
        ("data.min_user_events=11", 7, 4, 0),
        ("data.min_user_entropy=0", 0, 0, 0),
        ("items without training events, held out by data.holdout=0.025", 2, 0, 0),
    ]
    assert table.frame["what helps"].str.len().min() > 10
    # 3 + 20 + 7 + 2 of these and 270 events that are left; 5 users beside the 9 of the log.
    assert "Of 302 rows, 32 (10.6%) were left out" in table.caption
    assert "data.min_item_events=4: 20 events" in table.caption
    assert "5 users of 14 (36%) lost all events" in table.caption


def test_where_nothing_was_left_out_it_is_said(subject: EventSubject) -> None:
    nothing = {"events": {"train": 10}, "rejected": {}, "dropped": {"item_events": 0}}
    table, _ = limits.exhibits(replace(subject, metrics=nothing))
    assert isinstance(table, Table)
    assert table.caption == "All 10 rows of the input were used: no rule left anything out."


def test_events_that_are_not_foreseen(subject: EventSubject, held: ScoredEvents) -> None:
    _, table = limits.exhibits(subject)
    assert isinstance(table, Table)
    scores = held.models["mixture"]
    worse, missed = int((np.exp(scores.log_probability) < 1 / 14).sum()), int((scores.rank > 10).sum())
    assert table.frame["events"].tolist() == [worse, missed, 9]
    assert f"{worse / 36:.1%} come with an item" in table.caption
