"""What the rules left out, in words."""

from __future__ import annotations

from dataclasses import replace

from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.data.dropped import lines_of_dropped
from rrn_tf.data.metadata import EventMetadata

PREPARED = EventMetadata(
    users=627,
    items=40,
    events={"train": 5_000},
    rejected={},
    dropped={"item_events": 1_543, "user_events": 1, "user_entropy": 0, "untrained_item": 7},
    dropped_users={"item_events": 20, "user_events": 1, "user_entropy": 0, "untrained_item": 0},
    dropped_items={"item_events": 300, "user_events": 0, "user_entropy": 0, "untrained_item": 0},
    config=EventDataConfig(),
)


def test_each_rule_names_its_setting() -> None:
    assert lines_of_dropped(PREPARED) == [
        "data.min_item_events=10 dropped 300 items, 20 users, 1,543 events",
        "data.min_user_events=11 dropped 1 user, 1 event",
        "items without training events, held out by data.holdout=0.025, dropped 7 events",
    ]


def test_an_entropy_that_costs_many_users_is_told() -> None:
    diverse = replace(PREPARED, config=EventDataConfig(min_user_entropy=2.5))

    def with_lost(users: int) -> list[str]:
        return lines_of_dropped(replace(diverse, dropped_users={"user_entropy": users}))

    assert with_lost(456)[-1] == (
        "data.min_user_entropy=2.5 left out 456 of 1,083 users (42 %), those with few different items; "
        "data.min_user_entropy=0 keeps all with at least two"
    )
    assert not any("left out" in line for line in with_lost(62))


def test_counts_of_an_earlier_version_are_of_events_alone() -> None:
    older = replace(PREPARED, dropped_users={}, dropped_items={})
    assert lines_of_dropped(older)[0] == "data.min_item_events=10 dropped 1,543 events"


def test_later_events_tell_why_they_were_left_out() -> None:
    apart = {"untrained_user": 9, "not_later": 1, "untrained_item": 2}
    assert lines_of_dropped(replace(PREPARED, dropped=apart, dropped_users={"untrained_user": 3})) == [
        "users without training events dropped 3 users, 9 events",
        "times that are not later than the user's training events dropped 1 event",
        "items without training events dropped 2 events",
    ]
