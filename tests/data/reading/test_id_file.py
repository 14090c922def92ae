"""Lists of items come from files of several kinds, or stand on the command line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.id_file import listed_ids
from rrn_tf.data_format import DataFormat

SKU = DataFormat(columns="user_id=customer,item_id=sku")
FIRST = DataFormat(columns="item_id=1", separator=";", header=False)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "item_id\n7\n9\n7\n"),
        ("b.csv", 'shop,"item_id"\nx,7\ny,9\n'),
        ("c.txt", "\ufeff7\n\n 9 \n"),
        ("d", "7\r\n9"),
        ("e.csv", "item_id,name\n7,one\n9,two\n"),
    ],
)
def test_a_file_has_a_column_or_an_id_per_line(name: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    assert listed_ids([str(file)]) == (["7", "9"], [])


def test_parquet_and_compressed_files_are_read(tmp_path: Path) -> None:
    frame = pd.DataFrame({"item_id": [7, 9]})
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv.gz", index=False)
    for name in ("a.parquet", "a.csv.gz"):
        assert listed_ids([str(tmp_path / name)]) == (["7", "9"], [])


def test_files_and_ids_are_joined_and_bad_rows_are_told(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("item_id,shop\n7,x\n,y\n")
    ids, messages = listed_ids([str(file), "9, 7,a b"])
    assert ids == ["7", "9", "a b"]
    assert messages == [
        f"{file}:3: item_id is missing: expected text, found ''",
        f"{file}: 1 of 2 rows could not be used: item_id_missing 1",
    ]


@pytest.mark.parametrize(
    ("text", "said", "beside", "told"),
    [
        ("movieId,title\n7,one\n9,two\n", DataFormat(), False, "MovieLens layout: movieId"),
        ("movieId,title\n7,one\n9,two\n", SKU, True, "MovieLens layout: movieId"),
        ("sku,item_id\n7,a\n9,b\n", SKU, False, "columns: sku as item_id"),
        ("sku,item_id\na,7\nb,9\n", SKU, True, ""),
        ("sku\n7\n9\n", SKU, True, "columns: sku as item_id"),
        ("7\n9\n", SKU, True, ""),
        (
            "7;one\n9;two\n",
            DataFormat(columns="item_id=1", separator=";", header=False),
            False,
            "The given layout: item",
        ),
        ("7\n9\n", DataFormat(name="movielens-1m"), True, ""),
        ("1::7::5::978300760\n1::9::4::978300761\n", DataFormat(name="movielens-1m"), False, ""),
        ('{"item_id": 7}\n{"item_id": 9}\n', DataFormat(), False, "JSON lines"),
    ],
)
def test_a_file_is_read_as_said_or_as_recognised(
    text: str, said: DataFormat, beside: bool, told: str, tmp_path: Path
) -> None:
    file = tmp_path / "a"
    file.write_text(text)
    ids, messages = listed_ids([str(file)], said, beside=beside)
    assert ids == ["7", "9"]
    assert [line.split(", ")[0] for line in messages] == ([f"{file}: {told}"] if told else [])


def test_the_name_of_a_layout_may_stand_before_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1::7::5::978300760\n1::9::4::978300761\n")
    assert listed_ids([f"movielens-1m:{tmp_path}/a"], SKU, beside=True)[0] == ["7", "9"]


@pytest.mark.parametrize("value", ["nowhere.csv", "no/where", "nowhere.parquet", "nowhere.txt"])
def test_a_file_that_is_missing_is_no_id(value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInputError, match=f"^{value}: expected a file of item ids, or ids separated by commas"):
        listed_ids([value])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"movie,name\n7,one\n",
            "expected columns item_id, found 'movie,name': name them, as in --columns item_id=movie",
        ),
        (b"7,8\n9,1\n", "without a header, say where they are, as in --no-header --columns item_id=1"),
        (b"caf\xe9\n", "expected item ids in UTF-8, found other bytes"),
    ],
)
def test_other_files_are_refused_in_one_line(content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(content)
    with pytest.raises(BadInputError, match=said):
        listed_ids([str(file)])
