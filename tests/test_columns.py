"""Columns that a caller passes become text and unix seconds, or one clear error."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rrn_tf.columns import check_lengths, ratings, text_ids, unix_seconds
from rrn_tf.features import LARGEST_RATING
from rrn_tf.times import parse_time

NEW_YEAR = 1_767_225_600  # 2026-01-01 UTC


@pytest.mark.parametrize(
    "ids",
    [
        ["7", "42"],
        [7, 42],
        [7, "42"],
        np.array([7, 42], np.int32),
        np.array(["7", "42"]),
        pd.Series([7, 42], index=[5, 5]),
        pd.Series(["7", "42"], dtype="string"),
        pd.Series([7, 42], dtype="Int64"),
        pd.Categorical(["7", "42"]),
        pd.Index([7, 42]),
    ],
    ids=repr,
)
def test_ids_are_text(ids: Any) -> None:
    assert text_ids(ids, "user_id").tolist() == ["7", "42"]


@pytest.mark.parametrize(
    ("ids", "kind", "said"),
    [
        ([1.0, 2.0], TypeError, "user_id: expected ids that are text or whole numbers, found floating"),
        ([True], TypeError, "user_id: expected ids that are text or whole numbers, found boolean"),
        (["a", 1.5], TypeError, "user_id: expected ids that are text or whole numbers, found mixed"),
        ([b"a"], TypeError, "user_id: expected ids that are text or whole numbers, found bytes"),
        (["a", None], ValueError, "user_id: expected an id in every row, found None in row 1"),
        (["a", "b", ""], ValueError, "user_id: expected an id in every row, found '' in row 2"),
    ],
)
def test_other_ids_are_refused(ids: list[Any], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        text_ids(ids, "user_id")


@pytest.mark.parametrize(
    "times",
    [
        [NEW_YEAR],
        [float(NEW_YEAR)],
        [str(NEW_YEAR)],
        ["2026-01-01"],
        ["2026"],
        ["20260101"],
        ["2026-01-01T00:00"],
        ["2026-01-01 01:00:00+01:00"],
        ["2026-01-01T00:00:00.25Z"],
        np.array(["2026-01-01"], "datetime64[D]"),
        pd.to_datetime(["2026-01-01"]),
        pd.Series(pd.to_datetime(["2026-01-01"]).tz_localize("Europe/Berlin") + timedelta(hours=1), index=[9]),
        [pd.Timestamp("2026-01-01", tz="UTC")],
        [datetime(2026, 1, 1, tzinfo=timezone.utc)],
        [date(2026, 1, 1)],
        pd.Series([NEW_YEAR], dtype="Int64"),
    ],
    ids=repr,
)
def test_times_are_unix_seconds(times: Any) -> None:
    found = unix_seconds(times)
    assert found.dtype == np.int64
    assert found.tolist() == [NEW_YEAR]


def test_text_is_read_as_the_command_line_reads_it() -> None:
    texts = ["0", "-7", " 1700000000 ", "1969-12-31T23:59:58", "2010-10-17T01:48:53Z", "2024-02-29"]
    assert unix_seconds(texts).tolist() == [parse_time(text) for text in texts]


def test_one_value_is_a_list_of_one_and_none_are_none() -> None:
    assert [text_ids(one, "user_id").tolist() for one in ("ab", 7, np.int64(7), [])] == [["ab"], ["7"], ["7"], []]
    assert text_ids((number for number in (7, 42)), "user_id").tolist() == ["7", "42"]
    for moment in ("2026", NEW_YEAR, pd.Timestamp("2026"), np.datetime64("2026-01-01")):
        assert unix_seconds(moment).tolist() == [NEW_YEAR]
    assert unix_seconds([]).dtype == np.int64


def test_the_id_of_nobody_is_accepted_where_it_is_asked_for() -> None:
    assert text_ids(["", 7], "user_id", empty=True).tolist() == ["", "7"]
    with pytest.raises(ValueError, match="expected an id in every row, found None in row 1"):
        text_ids(["", None], "user_id", empty=True)


def test_times_before_1970_are_rounded_down() -> None:
    assert unix_seconds(["1969-12-31T23:59:58.5"]).tolist() == [-2]


@pytest.mark.parametrize(
    ("times", "kind", "said"),
    [
        ([1, None], ValueError, "timestamp: expected a time in every row, found nan in row 1"),
        ([1.5], ValueError, "timestamp: expected whole unix seconds in every row, found 1.5 in row 0"),
        (
            [np.inf],
            ValueError,
            "timestamp: expected unix seconds before the year 10000 in every row, found inf in row 0",
        ),
        (
            [1_700_000_000_000],
            ValueError,
            "expected unix seconds before the year 10000 in every row, found 1700000000000",
        ),
        ([1, 10**30], ValueError, "expected unix seconds before the year 10000 in every row, found 10{30} in row 1"),
        ([1.5, -(10**400)], ValueError, "expected unix seconds before the year 10000 in every row, found a larger one"),
        ([np.uint64(2**64 - 1)], ValueError, "expected unix seconds before the year 10000 in every row"),
        (["2026-01-01", "soon"], ValueError, "expected a year, an ISO date or time .* found 'soon' in row 1"),
        (["01/02/2026"], ValueError, "expected a year, an ISO date or time .* found '01/02/2026' in row 0"),
        (["2026-13-01"], ValueError, "found '2026-13-01' in row 0"),
        ([True], TypeError, "timestamp: expected unix seconds, ISO dates or timestamps, found boolean"),
        ([timedelta(1)], TypeError, "timestamp: expected unix seconds, ISO dates or timestamps, found timedelta"),
    ],
)
def test_other_times_are_refused(times: list[Any], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        unix_seconds(times)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1.1 * LARGEST_RATING, -3e38, 1e300])
def test_ratings_whose_sums_would_not_be_finite_are_refused(bad: float) -> None:
    assert ratings([LARGEST_RATING, -LARGEST_RATING]).dtype == np.float32
    with pytest.raises(
        ValueError, match=r"rating: expected a (finite number|number of at most 1e\+12) in every row, found .* in row 1"
    ):
        ratings([3.0, bad])


def test_other_types_of_ratings_are_refused() -> None:
    for bad in (["3"], [True], [None]):
        with pytest.raises(TypeError, match="rating: expected numbers, found"):
            ratings(bad)


def test_other_numbers_of_rows_are_named() -> None:
    check_lengths(user_id=["a", "b"], timestamp=[1, 2])
    with pytest.raises(ValueError, match="expected as many rows of timestamp as of user_id, found 1 and 2"):
        check_lengths(user_id=["a", "b"], timestamp=[1])
