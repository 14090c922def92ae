"""Several files read into memory, and rows that are there twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.in_memory import read_files, without_duplicates
from rrn_tf.data.reading.rejected import lines_of_rejected
from rrn_tf.features import COLUMNS, EVENT_COLUMNS, RATING, TIMESTAMP, USER_ID


def write(path: Path, *rows: str) -> None:
    path.write_text("user_id,item_id,rating,timestamp\n" + "".join(f"{row}\n" for row in rows))


def test_rows_are_in_order_of_files_and_lines_and_later_duplicates_rejected(tmp_path: Path) -> None:
    write(tmp_path / "b.csv", "u,i,4,7", "v,i,2,7", "v,i,x,7")
    write(tmp_path / "a.csv", "u,i,1,7", "u,i,2,8", "u,i,3,7")
    read, sources = read_files(f"{tmp_path}/*.csv", COLUMNS)
    assert [Path(file).name for _, file in sources] == ["a.csv", "b.csv"]
    assert read.numbers(RATING).tolist() == [1, 2, 3, 4, 2]
    once = without_duplicates(read)
    assert once.total == 6
    assert once.ids(USER_ID).tolist() == ["u", "u", "v"]
    assert once.numbers(TIMESTAMP).tolist() == [7, 8, 7]
    assert lines_of_rejected("all", once.rejected, once.total) == [
        f"{tmp_path}/a.csv:4: same user, item and timestamp as {tmp_path}/a.csv:2",
        f"{tmp_path}/b.csv:2: same user, item and timestamp as {tmp_path}/a.csv:2",
        f"{tmp_path}/b.csv:4: rating 'x' is not a number",
        "all: 3 of 6 rows could not be used: duplicate 2, rating_not_a_number 1",
    ]


def test_a_file_without_rows_and_none_at_all(tmp_path: Path) -> None:
    write(tmp_path / "a.csv")
    read, _ = read_files(str(tmp_path / "a.csv"), COLUMNS)
    assert read.total == len(without_duplicates(read).ids(USER_ID)) == 0
    assert lines_of_rejected("a", read.rejected, 0) == []
    with pytest.raises(BadInputError, match=r"nowhere.csv: expected events, found no such file$"):
        read_files("nowhere.csv", EVENT_COLUMNS)
