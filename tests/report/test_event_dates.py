"""Files of dates of events."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from rrn_tf.data.prepared import BadInputError
from rrn_tf.report.event_dates import read_event_dates


def test_dates_are_read_with_all_that_names_them(tmp_path: Path) -> None:
    file = tmp_path / "awards.csv"
    file.write_text("date, item_id,award\n2013-02-24,7,Oscar\n2013-01-13T20:00:00,7,\n1357000000,8,none\n")
    frame = read_event_dates(file)
    assert frame.item_id.tolist() == ["7", "7", "8"]
    assert frame.award.tolist() == ["Oscar", "", "none"]
    expected = ["2013-02-24", "2013-01-13T20:00:00", "2013-01-01T00:26:40"]
    assert frame.date.tolist() == [pd.Timestamp(text) for text in expected]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("item_id,when\n7,2013\n", "awards.csv: --events: expected the columns item_id and date, found item_id, when"),
        ("item_id,date\n", "awards.csv: --events: expected dates, found none"),
        ("item_id,date\n7,2013-02-24\n8,soon\n", "awards.csv:3: --events: expected a year, an ISO date"),
        ("item_id,date\n,2013-02-24\n", "awards.csv:2: --events: expected an item, found ''"),
        ("item_id,date\n7,9999-01-01\n", "found '9999-01-01'"),
        ("", "awards.csv: --events: expected a CSV file of dates, found one that cannot be read"),
    ],
)
def test_other_files_are_refused_in_one_line(text: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "awards.csv"
    file.write_text(text)
    with pytest.raises(BadInputError) as raised:
        read_event_dates(file)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="found no such file"):
        read_event_dates(tmp_path / "nowhere.csv")
