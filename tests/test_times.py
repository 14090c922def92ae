"""Times as text are read in one way, and what was understood can be printed."""

from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.times import LAST_SECOND, parse_time, parse_times, utc_text

NEW_YEAR = 1_893_456_000  # 2030-01-01 UTC


@pytest.mark.parametrize(
    "text",
    [
        "2030",
        "2030-01",
        "20300101",
        "20300101000000",
        "2030-01-01",
        " 2030-01-01T00:00 ",
        "2030-01-01 00",
        "20300101T010000+0100",
        "2030-01-01T00:00:00.9",
        "2029-12-31T22:30:00-01:30",
        "1893456000",
        "1893456000.0",
        "+1893456000",
    ],
)
def test_ways_to_write_a_time(text: str) -> None:
    assert parse_time(text) == NEW_YEAR


def test_digits_alone_are_seconds_where_nothing_else_fits() -> None:
    assert [parse_time(text) for text in ("0", "-7", "12345", "+2030", "20300101.", "203001")] == [
        0,
        -7,
        12_345,
        2_030,
        20_300_101,
        203_001,
    ]


@pytest.mark.parametrize(
    "text", ["", "soon", "20301301", "2030-02-29", "2030-01-01T24:00", "1e9", "1.5", "0000", "١٢٣٤"]
)
def test_what_is_no_time_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=f"expected a year, an ISO date or time .* or unix seconds, found '{text}'"):
        parse_time(text)


def test_milliseconds_are_refused() -> None:
    with pytest.raises(ValueError, match="expected unix seconds before the year 10000, found '1700000000000'"):
        parse_time("1700000000000")


def test_many_are_read_as_each_alone() -> None:
    rng = np.random.default_rng(0)
    moments = rng.integers(-LAST_SECOND // 5, LAST_SECOND, 500)
    texts = [*np.datetime_as_string(moments.astype("datetime64[s]")), "2030", "soon"]
    seconds, readable = parse_times(texts)
    assert seconds.tolist()[:-1] == [*moments.tolist(), NEW_YEAR]
    assert readable.tolist() == [True] * 501 + [False]


def test_a_time_is_printed_in_utc() -> None:
    assert utc_text(NEW_YEAR) == "2030-01-01 00:00:00 UTC"
    assert utc_text(LAST_SECOND + 1) == "10000-01-01 00:00:00 UTC"
