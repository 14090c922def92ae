"""Ratings that came after training, read into memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rrn_tf.beam.reading.new_rows import read_new_ratings
from rrn_tf.data.prepared import BadInputError

HEADER = "user_id,item_id,rating,timestamp\n"


def write(path: Path, *rows: str) -> str:
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return str(path)


def test_rows_before_the_cutoff_are_dead_letters_but_no_bad_rows(tmp_path: Path) -> None:
    pattern = write(tmp_path / "r.csv", *(f"u{n},i,3,{n}" for n in range(100)), "ü,\N{SNOWMAN},4.5,100", "u,i,5,101")
    table, rejected = read_new_ratings(pattern, 100, str(tmp_path / "dead.jsonl"))
    assert rejected == {"before_cutoff": 100}
    rows = [tuple(row.values()) for row in table.select(["user_id", "item_id", "rating", "timestamp"]).to_pylist()]
    assert rows == [("ü", "\N{SNOWMAN}", 4.5, 100), ("u", "i", 5.0, 101)]
    first, *_ = (json.loads(line) for line in (tmp_path / "dead.jsonl").read_text().splitlines())
    assert first["message"] == f"{pattern}:2: timestamp 0 is before the training cutoff 100"


def test_rows_stay_in_order_of_files_and_lines(tmp_path: Path) -> None:
    write(tmp_path / "b.csv", "u,i,1,7", "u,i,2,7")
    write(tmp_path / "a.csv", "u,i,3,7")
    table, rejected = read_new_ratings(f"{tmp_path}/*.csv", 0, str(tmp_path / "dead.jsonl"))
    assert table["rating"].to_pylist() == [3, 1, 2]
    assert not rejected


def test_nothing_new_is_no_error(tmp_path: Path) -> None:
    table, rejected = read_new_ratings(write(tmp_path / "r.csv", "u,i,1,7"), 8, str(tmp_path / "dead.jsonl"))
    assert (table.num_rows, rejected) == (0, {"before_cutoff": 1})


def test_too_many_bad_rows_are_an_error(tmp_path: Path) -> None:
    pattern = write(tmp_path / "r.csv", *["u,i,3,9"] * 50, *["u,i,bad,9"] * 5, *["u,i,1,7"] * 50)
    with pytest.raises(BadInputError, match=r"^5 of 105 rows .* raise --max-bad-share to allow more$"):
        read_new_ratings(pattern, 8, str(tmp_path / "dead.jsonl"))
    _, rejected = read_new_ratings(pattern, 8, str(tmp_path / "dead.jsonl"), max_bad_share=0.05)
    assert rejected == {"before_cutoff": 50, "rating_not_a_number": 5}
