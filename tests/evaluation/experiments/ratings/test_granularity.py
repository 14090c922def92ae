from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rrn_tf.evaluation.experiments.exhibits import Omitted, Table
from rrn_tf.evaluation.experiments.ratings import granularity
from rrn_tf.evaluation.experiments.subjects import ReportOptions, TrainedAnew
from tests.subjects import DAY, rating_subject

PAIRS = ((DAY, DAY), (7 * DAY, 7 * DAY))


def trained(settings: Mapping[str, Any]) -> TrainedAnew:
    days = (settings["data.user_granularity"] + settings["data.item_granularity"]) / DAY
    return TrainedAnew({"frozen": 1 - days / 100, "streaming": 0.9 + days / 100}, 100 / days)


def test_each_pair_is_trained_and_the_trade_off_told() -> None:
    options = ReportOptions(granularities=PAIRS)
    (table,) = granularity.exhibits(rating_subject(train=trained, options=options))
    assert isinstance(table, Table)
    assert table.frame.to_numpy().tolist() == [
        ["1 day", "1 day", 0.98, 0.92, 50.0],
        ["7 days", "7 days", 0.86, 1.04, 100 / 14],
    ]
    assert "frozen protocol 7 days / 7 days has the lowest RMSE (0.8600)" in table.caption
    assert "streaming protocol 1 day / 1 day has the lowest RMSE (0.9200)" in table.caption
    assert "7 days / 7 days took 7 seconds, 1 day / 1 day 50" in table.caption
    assert "whose own are 1 day / 7 days" in table.caption


def test_nothing_is_trained_unless_asked_for() -> None:
    (asked,) = granularity.exhibits(rating_subject(train=trained))
    assert isinstance(asked, Omitted)
    assert "--granularities" in asked.reason
    (able,) = granularity.exhibits(rating_subject(options=ReportOptions(granularities=PAIRS)))
    assert isinstance(able, Omitted)
    assert "cannot be trained again" in able.reason


def test_one_pair_has_nothing_to_be_compared_with() -> None:
    (table,) = granularity.exhibits(rating_subject(train=trained, options=ReportOptions(granularities=PAIRS[:1])))
    assert "1 pair of lengths" in table.caption
    assert "lowest" not in table.caption
