"""Rows that come back with what is added to them."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading import row_file
from rrn_tf.data.reading.row_file import RowFile, read_row_file
from rrn_tf.data_format import DataFormat
from rrn_tf.features import EVENT_COLUMNS, TIMESTAMP, USER_ID

HEADER = b"note,user_id,item_id,timestamp"
# Rows, and what stands of them in the output.
ROWS = [
    (b"x,u1,i1,5", b"x,u1,i1,5"),
    (b'"a,""b""", u1 ,i1, +5 ', b'"a,""b""", u1 ,i1, +5 '),
    (b"x,u1,i1", b"x,u1,i1,"),
    (b"x,u1,i1,5,6,7", b'x,u1,i1,"5,6,7"'),
    (b'x,"u1,i1,5', b'x,"""u1",i1,5'),
    (b"caf\xe9,u1,i1,5", b"caf\xe9,u1,i1,5"),
    (b"x,u\r1,i1,5", b'x,"u\r1",i1,5'),
    (b"x,,i1,5", b"x,,i1,5"),
    (b"x,u1,i1,soon", b"x,u1,i1,soon"),
]
VALID = [True, True, *[False] * 7]


def marked(file: RowFile) -> dict[str, pa.Array]:
    return {"answer": pa.array([f"no {k}" for k in range(file.rows.total)]), "more": pa.array(["m"] * file.rows.total)}


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("last", [b"", b"end"])
def test_every_row_comes_back_in_its_place(
    ending: bytes, last: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(row_file.plan_blocks.__kwdefaults__, "block_bytes", 40)
    lines = [HEADER, b"", *(row for row, _ in ROWS), b"", *(row for row, _ in ROWS)]
    (tmp_path / "q.csv").write_bytes(b"\xef\xbb\xbf" + ending.join(lines) + (ending if last else b""))
    file = read_row_file(tmp_path / "q.csv", EVENT_COLUMNS)
    file.write(tmp_path / "o.csv", marked(file))
    header, *rows = (tmp_path / "o.csv").read_bytes().removesuffix(b"\n").split(b"\n")
    assert header == HEADER + b",answer,more"
    assert rows == [kept + b",no %d,m" % k for k, (_, kept) in enumerate(ROWS * 2)]
    assert file.good.tolist() == [k for k, valid in enumerate(VALID * 2) if valid]
    assert sorted([*file.good, *file.rejected]) == list(range(18))
    assert file.rejected_fields(USER_ID)[:7] == ["u1", "u1", '"u1', "u1", "u\r1", "", "u1"]
    read = list(csv.reader(io.StringIO((tmp_path / "o.csv").read_text("latin-1"), newline="")))
    assert {len(row) for row in read} == {6}


def test_a_header_comes_back_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_bytes(b"sep=,\n\nuser_id,caf\xe9,item_id,timestamp\nu,x,i,5\n")
    file = read_row_file(tmp_path / "q.csv", EVENT_COLUMNS)
    file.write(tmp_path / "o.csv", marked(file))
    assert (tmp_path / "o.csv").read_bytes() == (b"user_id,caf\xe9,item_id,timestamp,answer,more\nu,x,i,5,no 0,m\n")


def test_parquet_comes_back_as_csv(tmp_path: Path) -> None:
    columns = {
        "user_id": ["a", None, 'say "x"', "two\nlines"],
        "further": pa.array([1, None, 3, 4]),
        "item_id": [7, 8, 9, 10],
        "timestamp": pa.array([5, 6, None, 7], pa.timestamp("s")),
    }
    pq.write_table(pa.table(columns), tmp_path / "q.parquet", row_group_size=3)
    file = read_row_file(tmp_path / "q.parquet", EVENT_COLUMNS)
    file.write(tmp_path / "o.csv.gz", marked(file))
    assert file.good.tolist() == [0]
    found = pd.read_csv(tmp_path / "o.csv.gz", dtype=str, keep_default_na=False)
    assert found.columns.tolist() == ["user_id", "further", "item_id", "timestamp", "answer", "more"]
    assert found["user_id"].tolist() == ["a", "", 'say "x"', "two\nlines"]
    assert found["further"].tolist() == ["1", "", "3", "4"]
    assert found["answer"].tolist() == ["no 0", "no 1", "no 2", "no 3"]
    pq.write_table(pa.table({**columns, "list": [[1], [], [2], [3]]}), tmp_path / "q.parquet")
    with pytest.raises(BadInputError, match=r"q.parquet: not readable: Unsupported cast from list"):
        read_row_file(tmp_path / "q.parquet", EVENT_COLUMNS)


def test_optional_columns_and_values_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("user_id\na\nb\n")
    assert read_row_file(tmp_path / "q.csv", [USER_ID], optional=[TIMESTAMP]).rows.total == 2
    (tmp_path / "q.csv").write_text("timestamp,user_id\n,a\n7,b\nx,c\n")
    file = read_row_file(tmp_path / "q.csv", [USER_ID], optional=[TIMESTAMP])
    assert pa.Table.from_batches(file.rows.good)[TIMESTAMP].to_pylist() == [None, 7]
    assert file.rows.rejected["reason"].to_pylist() == ["timestamp_not_a_number"]


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_no_rows_are_a_header(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"q.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table({name: pa.array([], pa.string()) for name in EVENT_COLUMNS}), path)
    else:
        header = b"user_id,item_id,timestamp\n"
        path.write_bytes(gzip.compress(header) if kind == "csv.gz" else header)
    file = read_row_file(path, EVENT_COLUMNS)
    file.write(tmp_path / "o.csv", {"answer": pa.array([], pa.string())})
    assert (tmp_path / "o.csv").read_text() == "user_id,item_id,timestamp,answer\n"


def test_what_cannot_be_done_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"nowhere.csv: expected a file of rows, found no such file$"):
        read_row_file(tmp_path / "nowhere.csv", EVENT_COLUMNS)
    (tmp_path / "q.csv").write_text("user_id,item_id,timestamp,prediction\na,b,1,mine\n")
    with pytest.raises(BadInputError, match=r"q.csv: expected no column prediction, which is added"):
        read_row_file(tmp_path / "q.csv", EVENT_COLUMNS, added=["prediction", "reason"])
    file = read_row_file(tmp_path / "q.csv", EVENT_COLUMNS)
    with pytest.raises(BadInputError, match=r"o.parquet: expected the name of a CSV file, plain or compressed"):
        file.write(tmp_path / "o.parquet", marked(file))


OTHERS = {
    "u.data": (
        "196\t242\t3\t881250949\n186\t302\t3\tsoon\n22\t377\t1\n",
        ["user_id", "item_id", "column_3", "timestamp"],
    ),
    "n.txt": ("1:\n30,3,2005-09-06\n40,x,soon\n2:\n50,3\n", ["user_id", "column_2", "timestamp", "item_id"]),
    "s.csv": (
        'note;userId;itemId;timestamp\n"a;b";u;i;5\nx,y;u;i;soon\nx;u;i\n',
        ["note", "userId", "itemId", "timestamp"],
    ),
    "r.jsonl": (
        '{"user_id": "ü,1", "item_id": 2, "timestamp": 5}\n{"user_id": "u", "item_id": 2, "timestamp": "soon"}\n{"ü\n',
        ["user_id", "item_id", "timestamp"],
    ),
}
KEPT = {
    "u.data": ["196,242,3,881250949", "186,302,3,soon", "22,377,1,"],
    "n.txt": ["30,3,2005-09-06,1", "40,x,soon,1", "50,3,,"],
    "s.csv": ["a;b,u,i,5", '"x,y",u,i,soon', "x,u,i,"],
    "r.jsonl": ['"ü,1",2,5', "u,2,soon", '"{""ü",,'],
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_formats_come_back_as_csv(name: str, tmp_path: Path) -> None:
    text, names = OTHERS[name]
    (tmp_path / name).write_text(text)
    layout = {"u.data": "movielens-100k", "n.txt": "netflix"}.get(name, "")
    file = read_row_file(tmp_path / name, EVENT_COLUMNS, data_format=DataFormat(layout))
    file.write(tmp_path / "o.csv", marked(file))
    header, *rows = (tmp_path / "o.csv").read_text().splitlines()
    assert header == ",".join([*names, "answer", "more"])
    assert rows == [f"{kept},no {k},m" for k, kept in enumerate(KEPT[name])]
    assert (file.good.tolist(), file.rejected.tolist()) == ([0], [1, 2])
    assert file.rejected_fields(USER_ID)[0] == {"n.txt": "40", "u.data": "186"}.get(name, "u")


def test_a_row_of_several_lines_comes_back_whole(tmp_path: Path) -> None:
    text = 'note,user_id,item_id,timestamp\n"two\nlines",u,i,5\nx,u,i,soon\n"t\n\n""h""ree",v,j,6\n'
    (tmp_path / "q.csv").write_text(text)
    file = read_row_file(tmp_path / "q.csv", EVENT_COLUMNS)
    file.write(tmp_path / "o.csv", marked(file))
    with (tmp_path / "o.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert [row[0] for row in rows] == ["note", "two\nlines", "x", 't\n\n"h"ree']
    assert [row[4] for row in rows] == ["answer", "no 0", "no 1", "no 2"]
    assert file.good.tolist() == [0, 2]
