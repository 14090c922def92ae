"""What users' frames hold becomes text, numbers and unix seconds, or one clear error."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rrn_tf.config import parse_time
from rrn_tf.recommenders.frames import checked, ids_of, text_ids, times_of, unix_seconds

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


def test_one_id_is_a_list_of_one_and_an_iterator_is_read_once() -> None:
    assert [ids_of(one, "user_id").tolist() for one in ("ab", 7, np.int64(7))] == [["ab"], ["7"], ["7"]]
    assert ids_of((str(n) for n in range(2)), "user_id").tolist() == ["0", "1"]
    assert ids_of(set(), "exclude").tolist() == []


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
        (["2026-01-01", "soon"], ValueError, "expected unix seconds or an ISO date .* found 'soon' in row 1"),
        (["01/02/2026"], ValueError, "expected unix seconds or an ISO date .* found '01/02/2026' in row 0"),
        (["2026-13-01"], ValueError, "found '2026-13-01' in row 0"),
        ([True], TypeError, "timestamp: expected unix seconds, ISO dates or timestamps, found boolean"),
        ([timedelta(1)], TypeError, "timestamp: expected unix seconds, ISO dates or timestamps, found timedelta"),
    ],
)
def test_other_times_are_refused(times: list[Any], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        unix_seconds(times)


def test_one_time_is_for_all_and_many_are_one_for_each() -> None:
    assert times_of("2026-01-01", 3).tolist() == [NEW_YEAR] * 3
    assert times_of(pd.Timestamp("2026-01-01"), 2).tolist() == [NEW_YEAR] * 2
    assert times_of([5, 6], 2).tolist() == [5, 6]
    with pytest.raises(ValueError, match="at: expected one time, or 3 of them, found 2"):
        times_of([5, 6], 3)


COLUMNS = ("user_id", "item_id", "rating", "timestamp")


def test_a_frame_is_read_by_position_whatever_its_index() -> None:
    rows = {
        "user_id": [1, 2],
        "item_id": ["a", "b"],
        "rating": [1, 5],
        "timestamp": ["2026-01-01", "5"],
        "other": [0, 0],
    }
    found = checked(pd.DataFrame(rows, index=["x", "x"]), COLUMNS)
    assert found.index.tolist() == [0, 1]
    assert found.values.tolist() == [["1", "a", 1.0, NEW_YEAR], ["2", "b", 5.0, 5]]
    assert found.rating.dtype == np.float32
    assert not len(checked(pd.DataFrame(columns=COLUMNS), COLUMNS))


@pytest.mark.parametrize(
    ("frame", "kind", "said"),
    [
        ([1, 2], TypeError, "expected a data frame with the columns user_id, item_id, rating, timestamp, found list"),
        (pd.DataFrame({"user": [1]}), ValueError, r"expected the columns user_id, .*, found user \(no user_id\)"),
        (pd.DataFrame([[1, 2, "x", 4]], columns=COLUMNS), TypeError, "rating: expected numbers, found string"),
        (pd.DataFrame([[1, 2, True, 4]], columns=COLUMNS), TypeError, "rating: expected numbers, found boolean"),
        (
            pd.DataFrame([[1, 2, 3, 4], [1, 2, np.nan, 4]], columns=COLUMNS),
            ValueError,
            "rating: expected a finite number in every row, found nan in row 1",
        ),
    ],
)
def test_other_frames_are_refused(frame: Any, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said):
        checked(frame, COLUMNS)
