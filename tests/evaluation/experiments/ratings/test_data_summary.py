from __future__ import annotations

from rrn_tf.evaluation.experiments.exhibits import Table
from rrn_tf.evaluation.experiments.ratings import data_summary
from rrn_tf.features import Split
from tests.subjects import rating_subject, sequences_of

SEQUENCES = sequences_of(
    user=[1, 1, 2, 1, 2, 3],
    item=[1, 2, 1, 1, 2, 1],
    rating=[1, 2, 3, 4, 5, 2],
    day=[-9, -8, -7, 0, 1, 2],
    split=[0, 0, 0, 1, 2, 4],
)


def test_by_hand() -> None:
    (table,) = data_summary.exhibits(rating_subject(SEQUENCES))
    assert isinstance(table, Table)
    frame = table.frame.set_index("ratings of")
    assert frame.index.tolist() == ["training", "validation", "test", "test, unseen in training", "all"]
    assert frame.loc["training"].tolist() == [3, 2, 2, 0.75, "1972-09-18", "1972-09-20", 1, 3, 2]
    assert frame.loc["all", ["ratings", "users", "items"]].tolist() == [6, 3, 2]
    assert "before 1972-09-27 (UTC), of 2 users and 2 items" in table.caption
    assert "3 later ratings were held out; 1 of them (33%) are of the 1 user or 0 items" in table.caption


def test_without_later_ratings() -> None:
    later = [split for split in Split if split is not Split.TRAIN]
    (table,) = data_summary.exhibits(rating_subject(SEQUENCES.without(later)))
    assert table.frame["ratings of"].tolist() == ["training"]
    assert "No later rating was held out." in table.caption
