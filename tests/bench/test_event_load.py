"""The load of events, and the check of published counts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import published_counts
from rrn_tf.bench.event_load import BRIGHTKITE, event_load
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.data.event_rules import split_by_position
from rrn_tf.features import Split


def test_the_load_has_the_sizes_asked_for() -> None:
    users, items, total = BRIGHTKITE
    events = event_load(users, items, total, seed=1)
    assert (events.num_users, events.num_items, len(events.item)) == BRIGHTKITE
    count = np.diff(events.user_splits)[1:]
    assert count.min() >= 11
    assert events.user_splits[:2].tolist() == [0, 0]
    assert (events.user == np.repeat(np.arange(1, users + 1), count)).all()
    np.testing.assert_array_equal(events.split, split_by_position(count, EventDataConfig()))
    assert np.unique(events.item[events.split == Split.TRAIN]).tolist() == list(range(1, items + 1))
    assert (np.diff(events.timestamp)[np.diff(events.user) == 0] > 0).all()
    assert np.median(count) < 0.7 * count.mean()
    popular = np.sort(np.bincount(events.item))[::-1]
    assert popular[: items // 10].sum() > 0.4 * total
    assert sorted(events.user_ids.tolist()) == events.user_ids.tolist()
    again = event_load(users, items, total, seed=1)
    np.testing.assert_array_equal(events.item, again.item)


def test_too_few_events_are_refused() -> None:
    with pytest.raises(ValueError, match="events should be at least 11 a user, found 100 of 10 users"):
        event_load(10, 5, 100, seed=0)
    with pytest.raises(ValueError, match="training events should be at least as many as items, found 140 and 150"):
        event_load(10, 150, 200, seed=0)


def test_counts_are_printed_beside_the_published_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{k % 4}\t2010-10-12T00:{k // 60:02d}:{k % 60:02d}Z\t1\t2\tp{k % 3}" for k in range(400)]
    path = tmp_path / "b.txt"
    path.write_text("\n".join([*lines, "9\t2010-10-12T00:00:00Z\t\t\t"]) + "\n")
    published = published_counts.Published(4, 5, 400, min_user_entropy=1.0, kept=(64, 2))
    monkeypatch.setitem(published_counts.PUBLISHED, "brightkite", published)
    result = CliRunner().invoke(published_counts.main, [f"brightkite:{path}", "--json", str(tmp_path / "c.json")])
    assert result.exit_code == 0, result.output
    words = [line.split() for line in result.output.splitlines()]
    assert words[:4] == [
        ["found", "published"],
        ["users", "4", "4"],
        ["items", "3", "5", "differs"],
        ["events", "400", "400"],
    ]
    assert words[4][:2] == ["kept", "264"]
    assert words[6] == ["rejected", "1", "item_id_missing"]
    figures = json.loads((tmp_path / "c.json").read_text())
    assert figures["found"] == {"users": 4, "items": 3, "events": 400}
    assert figures["rejected"] == {"item_id_missing": 1}


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        ("ratings.csv", 2, "expected one of brightkite, lastfm-1k, lastfm-1k-ids with :PATH, found 'ratings.csv'"),
        ("brightkite:nowhere", 1, "Error: nowhere: expected events, found no such file"),
    ],
)
def test_bad_arguments_end_in_one_line(data: str, code: int, said: str) -> None:
    result = CliRunner().invoke(published_counts.main, [data])
    assert result.exit_code == code
    assert said in result.output.splitlines()[-1]
