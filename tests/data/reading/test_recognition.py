"""How files are read that are neither plain CSV nor of a published layout, and what is said about them."""

from __future__ import annotations

import bz2
import gzip
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rrn_tf.config import ConfigError, config_from_dict
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading import in_memory
from rrn_tf.data.reading.first_look import look_at
from rrn_tf.data.reading.in_memory import read_files
from rrn_tf.data_format import DataFormat
from rrn_tf.features import COLUMNS, ITEM_ID, RATING, TIMESTAMP, USER_ID

CSV = "user_id,item_id,rating,timestamp\na,x,1,1200000000\nb,ü,2.5,1200086400\n"
ROWS = [("a", "x", 1.0, 1_200_000_000), ("b", "ü", 2.5, 1_200_086_400)]


def rows_of(path: Path, data_format: DataFormat | None = None) -> list[tuple[Any, ...]]:
    read, _ = read_files(str(path), COLUMNS, data_format)
    assert read.rejected["message"].to_pylist() == []
    values = read.ids(USER_ID), read.ids(ITEM_ID), read.numbers(RATING).tolist(), read.numbers(TIMESTAMP).tolist()
    return list(zip(*values, strict=True))


def zipped(name: str = "r.csv", *others: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for each in (name, *others):
            archive.writestr(each, CSV)
    return sink.getvalue()


def parquet(**names: str) -> bytes:
    sink = io.BytesIO()
    columns = {
        "user_id": ["a", "b"],
        "item_id": ["x", "ü"],
        "rating": [1.0, 2.5],
        "timestamp": [1_200_000_000, 1_200_086_400],
    }
    pq.write_table(pa.table({names.get(name, name): values for name, values in columns.items()}), sink)
    return sink.getvalue()


KINDS: dict[str, bytes] = {
    "utf-16.csv": CSV.encode("utf-16"),
    "utf-32.csv": CSV.encode("utf-32"),
    "utf-16-be.csv": CSV.encode("utf-16-be"),
    "utf-16-le.csv": b"\xff\xfe" + CSV.encode("utf-16-le"),
    "utf-16.csv.gz": gzip.compress(CSV.encode("utf-16")),
    "old-mac.csv": CSV.replace("\n", "\r").encode(),
    "mark.csv": b"\xef\xbb\xbf" + CSV.encode(),
    "blank-first.csv": b"\n \n" + CSV.encode(),
    "comment-first.csv": b"# exported in 2020\n% by hand\n" + CSV.encode(),
    "comment-is-header.csv": b"# " + CSV.encode(),
    "excel.csv": b"sep=;\r\n" + CSV.replace(",", ";").replace("\n", "\r\n").encode(),
    "zip.zip": zipped(),
    "zip-of-a-mac.zip": zipped("r/r.csv", "__MACOSX/r/._r.csv"),
    "zip-in-csv.csv": zipped(),
    "gzip-in-csv.csv": gzip.compress(CSV.encode()),
    "bzip-in-csv.csv": bz2.compress(CSV.encode()),
    "semicolons.csv": CSV.replace(",", ";").encode(),
    "tabs.tsv": CSV.replace(",", "\t").encode(),
    "bars.txt": CSV.replace(",", "|").encode(),
    "colons.txt": CSV.replace(",", "::").encode(),
    "spaces.txt": CSV.replace(",", "   ").encode(),
    "other-names.csv": CSV.replace("user_id,item_id", "userId,Item ID").encode(),
    "parquet.pq": parquet(),
    "parquet-without-suffix": parquet(user_id="userId", item_id="movieId"),
    "lines.json": b'{"user_id": "a", "item_id": "x", "rating": 1, "timestamp": 1200000000}\n'
    b'\n{"item_id": "\\u00fc", "user_id": "b", "more": {"a": [1]}, "timestamp": 1200086400, "rating": 2.5}',
    "times.csv": CSV.replace("1200000000", "2008-01-10T21:20:00Z")
    .replace("1200086400", "2008-01-11 22:20+01")
    .encode(),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_file_as_people_have_it(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(KINDS[name])
    assert rows_of(tmp_path / name) == ROWS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CSV, []),
        (CSV.replace(",", ";"), ["columns between ';'"]),
        (CSV.replace("user_id", "userId"), ["columns: userId as user_id"]),
        (CSV.replace("user_id", "User").replace(",", "\t"), ["columns: User as user_id; between tabs"]),
        ('{"user_id": 1, "item_id": 2, "rating": 3, "timestamp": 4}\n', ["JSON lines"]),
    ],
)
def test_what_is_recognised_is_told_in_one_line(text: str, told: list[str], tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(text)
    assert look_at(str(tmp_path / "r.csv"), COLUMNS) == told


GIVEN: list[tuple[str, dict[str, Any]]] = [
    (
        "who,what,r,t,user_id\na,x,1,1200000000,z\nb,ü,2.5,1200086400,z\n",
        {"columns": "user_id=who,item_id=what,rating=r,timestamp=t"},
    ),
    ("a,x,1,1200000000\nb,ü,2.5,1200086400\n", {"columns": {"user_id": 1, "item_id": 2, "rating": 3, "timestamp": 4}}),
    (
        "x/1200000000//a/1\nü/1200086400//b/2.5\n",
        {"columns": "item_id=1,timestamp=2,user_id=4,rating=5", "separator": "/", "header": False},
    ),
    (
        "a  x\t1 1200000000\n b ü 2.5  1200086400 \n",
        {"columns": "user_id=1,item_id=2,rating=3,timestamp=4", "separator": "space"},
    ),
    (CSV.replace("1200000000", "1200000000999").replace("1200086400", "1200086400000"), {"time": "ms"}),
    (CSV.replace("1200000000", "1200000000999999999").replace("1200086400", "1.2000864e18"), {"time": "ns"}),
    (
        CSV.replace("1200000000", "10/01/2008 21:20").replace("1200086400", "11/01/2008 21:20"),
        {"time": "%d/%m/%Y %H:%M"},
    ),
    (CSV.replace("1200000000", "2008-01-10 21:20:00").replace("1200086400", "2008-01-11T21:20:00"), {"time": "ISO"}),
    ('"a";"x";"1";1200000000\n"b";"ü";"2.5";1200086400\n', {"columns": "user_id=1,item_id=2,rating=3,timestamp=4"}),
    (CSV.replace(",", "§"), {"separator": "§"}),
    ("1\t2\t3\t1200000000\n", {"name": "movielens-100k", "time": "s"}),
]


@pytest.mark.parametrize(("text", "given"), GIVEN)
def test_what_a_user_says_counts(text: str, given: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(text)
    expected = [("1", "2", 3.0, 1_200_000_000)] if "name" in given else ROWS
    assert rows_of(tmp_path / "r.csv", DataFormat(**given)) == expected


QUESTIONS: list[tuple[str | bytes, dict[str, Any], str]] = [
    ("1,2,3,4\n", {}, r"found '1,2,3,4': without a header, .* --columns user_id=1,item_id=2,rating=3,timestamp=4$"),
    ("uid,movie,stars,time\n1,2,3,4\n", {}, r"as in --columns user_id=uid,item_id=movie,rating=stars,timestamp=time$"),
    ("uid,movie,stars\n1,2,3\n", {}, r"no column of times; .* --columns timestamp=NAME$"),
    ("a,b,c\n1,2,3\n", {}, r"name them by --columns user_id=NAME,"),
    (CSV.replace("1200000000", "20050906").replace("1200086400", "20050907"), {}, r"--time %Y%m%d or --time s$"),
    (CSV.replace("1200000000", "06/09/2005"), {}, r"'06/09/2005' can begin with the day or the month: .*%d/%m/%Y or"),
    ("user,User,item,rating,timestamp\n1,1,2,3,4\n", {}, r"expected columns user_id,"),
    (CSV, {"columns": "user_id=uid"}, r"--columns user_id=uid: expected one column uid, found 'user_id,"),
    (
        "1,2,3,4\n",
        {"columns": "user_id=1,item_id=2,rating=3,timestamp=9"},
        r"expected at least 9 fields, found '1,2,3,4'",
    ),
    ("1,2,3,4\n", {"columns": "user_id=1,item_id=2", "header": False}, r"expected the position of rating"),
    ('[{"user_id": 1}]', {}, r"expected rows or one JSON object a line, found a JSON array$"),
    ('{"user_id":\n 1}', {}, r"r.csv:1: expected one JSON object a line"),
    ('{"user_id": 1}\n', {}, r"found the keys user_id"),
    ("<!DOCTYPE html>\n<html>", {}, r"found '<!DOCTYPE html>'"),
    (CSV, {"name": "movielens-100m"}, r"--format movielens-100m: .* \(did you mean movielens-1"),
    (CSV.encode("utf-16")[:-1], {}, r"not readable: .*truncated data"),
    (zipped("a.csv", "b.csv"), {}, r"expected an archive of one file, found one of 2 \(a.csv, b.csv\): unpack it$"),
]


@pytest.mark.parametrize(("data", "given", "message"), QUESTIONS, ids=range(len(QUESTIONS)))
def test_what_is_not_clear_is_a_question(
    data: str | bytes, given: dict[str, Any], message: str, tmp_path: Path
) -> None:
    (tmp_path / "r.csv").write_bytes(data.encode() if isinstance(data, str) else data)
    with pytest.raises(BadInputError, match=message) as caught:
        rows_of(tmp_path / "r.csv", DataFormat(**given))
    assert "\n" not in str(caught.value)


def test_a_tar_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(CSV)
    with tarfile.open(tmp_path / "r.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "r.csv", "r.csv")
    with pytest.raises(BadInputError, match="found a tar archive: unpack it"):
        look_at(str(tmp_path / "r.tar.gz"), COLUMNS)


def test_a_small_archive_that_is_cut_is_found_at_once(tmp_path: Path) -> None:
    rows = "".join(f"u{k},i{k * k % 89},{k % 5},{k * 7919}\n" for k in range(30_000))
    (tmp_path / "r.csv.bz2").write_bytes(bz2.compress((CSV + rows).encode())[:-4])
    with pytest.raises(BadInputError, match="found one that is cut short"):
        look_at(str(tmp_path / "r.csv.bz2"), COLUMNS)


@pytest.mark.parametrize("block_bytes", [1, 40, 1 << 20])
def test_line_breaks_within_quotes(block_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text may have them; a quote that is never closed takes no good row with it."""
    monkeypatch.setitem(in_memory.plan_blocks.__kwdefaults__, "block_bytes", block_bytes)
    lines = [
        "user_id,item_id,rating,timestamp,text",
        'a,x,1,100,"nice',
        'long, ""quoted"",',
        "",
        'text"',
        "b,x,2,200,ok",
        'c,x,3,300,"never closed',
        "d,x,4,400,good",
        'e,x,5,500,"also ""good"""',
        'f,x,5,500,"a',
        'b"',
    ]
    (tmp_path / "r.csv").write_text("\n".join(lines))
    read, _ = read_files(str(tmp_path / "r.csv"), COLUMNS)
    assert read.ids(USER_ID).tolist() == ["a", "b", "d", "e", "f"]
    assert read.numbers("line").tolist() == [2, 6, 8, 9, 10]
    assert read.rejected["line"].to_pylist() == [7]
    assert read.rejected["reason"].to_pylist() == ["unbalanced_quotes"]


def test_damaged_lines_of_json_are_rejected_alone(tmp_path: Path) -> None:
    lines = [
        '{"user_id": "a", "item_id": "x", "rating": 1, "timestamp": 100}',
        '{"user_id": "b", "item_id": "x", "rating": 1, "timestam',
        '{"user_id": 7, "item_id": "x", "rating": "4.5", "timestamp": "2005-09-06"}',
        '{"user_id": "c", "rating": 1, "timestamp": 100}',
        '["d"]',
        '{"user_id": "e", "item_id": ["x"], "rating": true, "timestamp": 100}',
    ]
    (tmp_path / "r.jsonl").write_text("\n".join(lines))
    read, _ = read_files(str(tmp_path / "r.jsonl"), COLUMNS)
    assert list(zip(read.ids(USER_ID), read.numbers(RATING), read.numbers(TIMESTAMP))) == [
        ("a", 1, 100),
        ("7", 4.5, 1_125_964_800),
    ]
    reasons = zip(read.rejected["line"].to_pylist(), read.rejected["reason"].to_pylist())
    assert list(reasons) == [(2, "not_json"), (4, "item_id_missing"), (5, "not_json"), (6, "item_id_missing")]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"columns": "user=1"}, "columns should be pairs such as user_id=NAME"),
        ({"columns": "user_id=1,user_id=2"}, "columns should name each column once"),
        ({"columns": "user_id=0"}, "columns should be counted from 1"),
        ({"columns": "user_id=who", "header": False}, "columns should be positions from 1 where there is no header"),
        ({"time": "minutes"}, "time should be one of s, ms, us, ns, ISO or a format"),
        ({"nmae": "movielens"}, "nmae"),
    ],
)
def test_settings_are_checked(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config_from_dict({"data": {"format": values}})


def test_settings_are_the_same_however_they_are_written() -> None:
    assert DataFormat(columns={"user_id": 1}, separator="tab") == DataFormat(columns="user_id=1", separator="\t")
