import gzip

import pytest

from rrn_tf import features
from rrn_tf.beam.prepare_events import prepare_events
from rrn_tf.beam.reading.read_ratings import ReadRatings
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.data.layouts import split_layout
from rrn_tf.data.prepared import BadInputError
from tests.beam.test_prepare_events import contents
from tests.data.reading.test_blocks import read_file

DAY = 1_286_841_600  # 2010-10-12T00:00:00Z

BRIGHTKITE = b"""\
0\t2010-10-12T23:58:03Z\t39.891383\t-105.070814\t7a0f88982aa015062b95e3b4843f9ca2
0\t2010-10-12T23:58:03Z\t39.891077\t-105.068532\tdd7cd3d264c2d063832db506fba8bf79
0\t2010-10-12T00:00:00Z\t0.0\t0.0\t00000000000000000000000000000000
58186\t2008-12-03T21:09:14Z\t\t\t
58187\t2008-08-14T21:23:55Z\t41.257924
x\t2008-02-30T21:23:55Z\t1\t2\tloc
x\tyesterday\t1\t2\tloc
x\t1969-12-31T23:59:59Z\t1\t2\tloc
\t2010-10-12T00:00:00Z\t1\t2\tloc
1\t2010-10-12T00:00:01Z\t53.36\t-2.27\t"quoted\xc3\xa9
"""
LASTFM = (
    "user_000001\t2009-05-04T23:08:57Z\tf1b1cf71-bd35-4e99-8624-24a6e15f133a\tDeep Dish\t\tFuck Me Im Famous\n"
    'user_000001\t2009-05-04T13:54:10Z\t\t"Weird Al" Yankovic\t\tEat, It\n'
    "user_000001\t2009-05-04T13:52:04Z\t\t\t\tNobody\n"
    "user_000002\t2009-05-04T13:42:52Z\ta7f7df4a\t坂本龍一\tf7\tComposition 0919\textra\n"
    "user_000002\t2009-05-04T13:42:11Z\ta7f7df4a\t坂本龍一\tf7\t\n"
).encode()


def read(path, name, data):
    path.write_bytes(data)
    ((data_format, file),) = ReadRatings(f"{name}:{path}", features.EVENT_COLUMNS).files
    assert data_format.name == name
    return read_file(file, 64, features.EVENT_COLUMNS, data_format)


def test_brightkite(tmp_path):
    good, rejected, count = read(tmp_path / "b.txt", "brightkite", BRIGHTKITE)
    assert [(*row[:3], row[4]) for row in good] == [
        ("0", "7a0f88982aa015062b95e3b4843f9ca2", DAY + 86_283, 1),
        ("0", "dd7cd3d264c2d063832db506fba8bf79", DAY + 86_283, 2),
        ("0", "0" * 32, DAY, 3),
        ("1", '"quotedé', DAY + 1, 10),
    ]
    assert [(row.line, row.reason) for row in rejected] == [
        (4, "item_id_missing"),
        (5, "field_count"),
        (6, "timestamp_not_a_time"),
        (7, "timestamp_not_a_time"),
        (8, "timestamp_negative"),
        (9, "user_id_missing"),
    ]
    assert rejected[2].message.endswith(
        "b.txt:6: timestamp '2008-02-30T21:23:55Z' is not a time such as 2010-10-17T01:48:53Z"
    )
    assert rejected[1].row == "58187\t2008-08-14T21:23:55Z\t41.257924"
    assert count == 10


@pytest.mark.parametrize(
    ("name", "items", "reasons"),
    [
        (
            "lastfm-1k",
            ["f1b1cf71-bd35-4e99-8624-24a6e15f133a", '"Weird Al" Yankovic', "a7f7df4a"],
            [(3, "item_id_missing"), (4, "field_count")],
        ),
        (
            "lastfm-1k-ids",
            ["f1b1cf71-bd35-4e99-8624-24a6e15f133a", "no-artist-id", "no-artist-id", "a7f7df4a"],
            [(4, "field_count")],
        ),
    ],
)
def test_lastfm(tmp_path, name, items, reasons):
    good, rejected, _ = read(tmp_path / "l.tsv", name, LASTFM)
    assert [row[1] for row in good] == items
    assert good[0][2] == 1_241_478_537
    assert [(row.line, row.reason) for row in rejected] == reasons


def test_authors(tmp_path):
    good, rejected, _ = read(tmp_path / "a.txt", "authors", b"1 20 3\n1 21\n1 22 4\n")
    assert [row[:3] for row in good] == [("1", "20", 3), ("1", "22", 4)]
    assert [row.reason for row in rejected] == ["field_count"]


def test_newest_events_first_and_packed_files(tmp_path):
    """Events of one second stand in the reverse order of the file, whose later events come first."""
    lines = [f"u\t2010-10-12T00:00:{9 - k // 3:02d}Z\t1\t2\ti{k}\n" for k in range(30)]
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress("".join(lines).encode()))
    config = EventDataConfig(min_item_events=1, min_user_events=1, min_user_entropy=0, holdout=0.01, min_holdout=1)
    metadata = prepare_events(
        f"brightkite:{tmp_path}/b.txt.gz", str(tmp_path / "out"), config, dead_letters=str(tmp_path / "dead.jsonl")
    )
    ((user, events),) = contents(tmp_path / "out")
    assert user == "u"
    assert [item for item, _, _ in events] == [f"i{k}" for k in range(29, 1, -1)]
    assert metadata.dropped["untrained_item"] == 2


def test_a_format_is_a_prefix_and_no_file(tmp_path, monkeypatch):
    assert split_layout("brightkite:a.txt") == ("brightkite", "a.txt")
    assert split_layout("gs://bucket/a.csv") == ("", "gs://bucket/a.csv")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "authors:a.csv").touch()
    assert split_layout("authors:a.csv") == ("", "authors:a.csv")


def test_events_are_no_ratings(tmp_path):
    (tmp_path / "b.txt").touch()
    with pytest.raises(BadInputError) as error:
        ReadRatings(f"brightkite:{tmp_path}/b.txt")
    assert str(error.value).endswith(
        "b.txt: expected columns user_id,item_id,rating,timestamp, found user_id,timestamp,item_id"
    )
    with pytest.raises(BadInputError, match=r"nowhere.txt: expected events, found no such file$"):
        ReadRatings("brightkite:nowhere.txt", features.EVENT_COLUMNS)
