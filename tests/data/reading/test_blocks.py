import gzip
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rrn_tf import features
from rrn_tf.data.prepared import BadInputError
from rrn_tf.data.reading.blocks import plan_blocks, read_block_rows
from rrn_tf.data.reading.files import local_files
from rrn_tf.data.reading.rejected import rejected_rows
from tests.data.reading.bad_rows import BAD_ROWS, GOOD_ROWS, HEADER, QUOTED_NEWLINE


def read_file(path, block_bytes=1 << 20, columns=features.COLUMNS, data_format=None):
    """Good rows as (user, item, rating, timestamp, file, line), rejected rows and the number of all."""
    read = [read_block_rows(block) for block in plan_blocks(str(path), columns, data_format, block_bytes=block_bytes)]
    good = [tuple(row.values()) for block in read for row in block.good.to_pylist()]
    rejected = [row for block in read for batch in block.rejected for row in rejected_rows(batch)]
    return good, sorted(rejected, key=lambda row: row.line), sum(block.rows for block in read)


def write(path, data):
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_each_kind_of_bad_row_is_named_between_good_rows(tmp_path, kind):
    row, reason = BAD_ROWS[kind]
    path = write(tmp_path / "ratings.csv", HEADER + b"a,b,1,2\n" + row + b"\nc,d,3,4\n")
    good, rejected, count = read_file(path)
    assert [r[:4] for r in good] == [("a", "b", 1.0, 2), ("c", "d", 3.0, 4)]
    assert [r[4:] for r in good] == [(str(path), 2), (str(path), 4)]
    (only,) = rejected
    assert (only.file, only.line, only.reason) == (str(path), 3, reason)
    assert only.message.startswith(f"{path}:3: ")
    assert only.row == row.decode("utf-8", "replace")[:500]
    assert count == 3


def test_a_quoted_newline_rejects_both_of_its_lines_alone(tmp_path):
    row, reasons = QUOTED_NEWLINE
    good, rejected, _ = read_file(write(tmp_path / "r.csv", HEADER + b"a,b,1,2\n" + row + b"\nc,d,3,4\n"))
    assert [r[0] for r in good] == ["a", "c"]
    assert [(r.line, r.reason) for r in rejected] == list(zip([3, 4], reasons, strict=True))


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
@pytest.mark.parametrize("name", ["r.csv", "r.csv.gz"])
@pytest.mark.parametrize("block_bytes", [1, 50, 1 << 20])
def test_all_rows_at_once_for_any_line_end_compression_and_block_size(tmp_path, ending, name, block_bytes):
    rows = [(row, None, values) for row, values in GOOD_ROWS] * 3 + [(r, why, None) for r, why in BAD_ROWS.values()]
    rows += [(b"", "blank", None)] * 5
    random.Random(1).shuffle(rows)
    if ending == b"\r\n":
        rows = [row for row in rows if b"\xc3" not in row[0][-1:]]
    data = b"\xef\xbb\xbf" + HEADER.strip() + ending + ending.join(row for row, _, _ in rows)
    good, rejected, count = read_file(write(tmp_path / name, data), block_bytes)
    numbered = list(enumerate(rows, start=2))
    expected = [(*values[:2], np.float32(values[2]), values[3], line) for line, (_, _, values) in numbered if values]
    assert [(*r[:4], r[5]) for r in good] == expected
    bad = [(line, why) for line, (_, why, values) in numbered if not values and why != "blank"]
    assert [(r.line, r.reason) for r in rejected] == bad
    assert count == len(expected) + len(bad)


def test_messages_read_well(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "ratings.csv", HEADER + b"u,i,abc,4\nu,i,3\nu,i,3,-1\n")
    assert [row.message for row in read_file("ratings.csv")[1]] == [
        "ratings.csv:2: rating 'abc' is not a number",
        "ratings.csv:3: expected 4 fields, found 3",
        "ratings.csv:4: timestamp '-1' is negative",
    ]


def test_columns_in_any_order_and_further_ones(tmp_path):
    path = write(tmp_path / "r.csv", b'x, timestamp ,"rating",item_id,user_id,x\n,4,3,i,u,\n')
    assert read_file(path)[0] == [("u", "i", 3.0, 4, str(path), 2)]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"uid,movie,stars,time\n1,2,3,4\n", "'uid,movie,stars,time': name them, as in --columns user_id=uid,item_id="),
        (b"1,2,3,4", "'1,2,3,4'"),
        (b"user_id,item_id,rating,timestamp,rating\n", "'user_id"),
        (b"\n\n", "an empty file"),
        (b"", "an empty file"),
    ],
)
def test_a_wrong_header_fails_the_file(tmp_path, data, found):
    path = write(tmp_path / "r.csv", data)
    with pytest.raises(BadInputError) as error:
        read_file(path)
    assert str(error.value).startswith(f"{path}:1: expected columns {','.join(features.COLUMNS)}, found {found}")


def test_a_broken_archive_fails_the_file(tmp_path):
    (tmp_path / "r.csv.gz").write_bytes(b"no gzip at all, but long enough to look at")
    with pytest.raises(BadInputError, match=r"r.csv.gz: not readable: "):
        read_file(tmp_path / "r.csv.gz")


def parquet(path, **columns):
    defaults = {
        "user_id": pa.array(["a", "b", "c"]),
        "item_id": pa.array([1, 2, 3]),
        "rating": pa.array([1.0, 2.5, 3.0]),
        "timestamp": pa.array([1, 2, 3]),
    }
    pq.write_table(pa.table({**defaults, **columns}), path, row_group_size=2)
    return path


def test_parquet_rows_and_their_numbers(tmp_path):
    path = parquet(tmp_path / "r.parquet", further=pa.array([None, 1, 2]))
    good, rejected, count = read_file(path)
    values = [("a", "1", 1.0, 1), ("b", "2", 2.5, 2), ("c", "3", 3.0, 3)]
    assert good == [(*row, str(path), line) for line, row in enumerate(values, start=1)]
    assert (rejected, count) == ([], 3)


@pytest.mark.parametrize(
    ("column", "values", "reasons"),
    [
        ("user_id", ["ok", None, "two\nlines"], ["user_id_missing", "user_id_line_break"]),
        ("user_id", pa.array(["", "a", " "]).dictionary_encode(), ["user_id_missing", "user_id_missing"]),
        ("rating", [None, float("nan"), 3.0], ["rating_missing", "rating_not_finite"]),
        ("rating", [float("inf"), 1e39, 3.0], ["rating_not_finite", "rating_out_of_range"]),
        ("rating", ["3", "x", "1e39"], ["rating_not_a_number", "rating_out_of_range"]),
        ("timestamp", [-1.5, 1e9 + 0.5, None], ["timestamp_negative", "timestamp_missing"]),
        ("timestamp", [-1, 253402300800, 3], ["timestamp_negative", "timestamp_out_of_range"]),
        ("timestamp", pa.array([-1, 1999, None], pa.timestamp("ms")), ["timestamp_negative", "timestamp_missing"]),
    ],
)
def test_parquet_values_that_cannot_be_used(tmp_path, column, values, reasons):
    good, rejected, _ = read_file(parquet(tmp_path / "r.parquet", **{column: values}))
    assert [row.reason for row in rejected] == reasons
    assert len(good) == 1


def test_parquet_columns_of_useless_types_fail_the_file(tmp_path):
    with pytest.raises(BadInputError, match="expected user_id as text or integers, found double"):
        read_file(parquet(tmp_path / "r.parquet", user_id=[1.0, 2.0, 3.0]))
    pq.write_table(pa.table({"user_id": ["a"]}), tmp_path / "s.parquet")
    with pytest.raises(BadInputError, match="expected columns user_id,item_id,rating,timestamp, found user_id"):
        read_file(tmp_path / "s.parquet")


def test_events_have_no_rating(tmp_path):
    path = write(tmp_path / "e.csv", b"user_id,item_id,timestamp\nu,i,4\nu,,4\n")
    good, rejected, _ = read_file(path, columns=(features.USER_ID, features.ITEM_ID, features.TIMESTAMP))
    assert good == [("u", "i", 4, str(path), 2)]
    assert [row.reason for row in rejected] == ["item_id_missing"]


def test_a_file_whose_name_looks_like_a_glob_and_a_folder(tmp_path):
    path = write(tmp_path / "r[1].csv", HEADER + b"u,i,3,4\n")
    assert local_files(str(path)) == [str(path)]
    with pytest.raises(BadInputError, match=r"not readable: .*Is a directory"):
        read_file(tmp_path)
