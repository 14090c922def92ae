"""The data table, against loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rrn_tf.evaluation.experiments.events import data_table
from rrn_tf.evaluation.experiments.exhibits import Table
from rrn_tf.evaluation.experiments.subjects import EventSubject
from rrn_tf.features import Split
from tests.event_subjects import logged_events, subject_of


def table_of(subject: EventSubject) -> Table:
    (table,) = data_table.exhibits(subject)
    assert isinstance(table, Table)
    return table


def test_counts_are_those_of_loops(subject: EventSubject) -> None:
    events = subject.sequences
    rows = {row["split"]: row for row in table_of(subject).frame.to_dict("records")}
    assert [*rows] == ["training", "validation", "test", "all"]
    met: set[tuple[int, int]] = set()
    of_split: dict[str, list[tuple[int, int, bool]]] = {"training": [], "validation": [], "test": [], "all": []}
    for user, item, split in zip(events.user.tolist(), events.item.tolist(), events.split, strict=True):
        for name in ("all", [*of_split][split]):
            of_split[name].append((user, item, (user, item) in met))
        met.add((user, item))
    for name, found in of_split.items():
        users = [user for user, _, _ in found]
        lengths = [users.count(user) for user in set(users)]
        row = rows[name]
        assert (row["events"], row["users"]) == (len(found), len(lengths))
        assert row["items"] == len({item for _, item, _ in found})
        assert (row["events a user, least"], row["most"]) == (min(lengths), max(lengths))
        assert row["median"] == np.median(lengths)
        assert row["repeats"] == pytest.approx(np.mean([again for _, _, again in found]))
    assert rows["all"]["first day"] == str(np.datetime64(int(events.timestamp.min()), "s"))[:10]
    assert rows["all"]["last day"] == str(np.datetime64(int(events.timestamp.max()), "s"))[:10]


def test_the_caption_tells_this_runs_numbers(subject: EventSubject) -> None:
    table = table_of(subject)
    share = table.frame.set_index("split").at["test", "repeats"]
    assert f"{share:.1%} of the test events are repeats" in table.caption
    assert "9 users with 14 items" in table.caption
    assert "ln(14) = 2.64 nats" in table.caption
    assert "left out 29 further events" in table.caption
    assert "further" not in table_of(replace(subject, metrics={})).caption


def test_one_split_has_no_sum() -> None:
    table = table_of(subject_of(logged_events().without([Split.VALID, Split.TEST])))
    assert table.frame["split"].tolist() == ["training"]
