import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from rrn_tf import features
from rrn_tf.beam.prepare_events import prepare_events
from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.data.load_events import load_events
from rrn_tf.data.metadata import EventMetadata
from rrn_tf.data.prepared import BadInputError
from rrn_tf.features import Split
from tests.beam.event_reference import kept_events, reference_events, reference_later

HEADER = b"user_id,item_id,timestamp\n"
EASY = EventDataConfig(min_item_events=1, min_user_events=1, min_user_entropy=0.0, min_holdout=1, shards=2)


def prepare(path, config=EASY, name="out", **options):
    return prepare_events(
        str(path), str(path.parent / name), config, dead_letters=str(path.parent / "dead.jsonl"), **options
    )


def write(path, rows, header=HEADER):
    path.write_bytes(header + b"".join(f"{u},{i},{t}\n".encode() for u, i, t in rows))
    return path


def random_rows(seed, n=1500, users=25, items=40):
    """A log in no order, with ties and repeats; some users see few items, some items are rare."""
    random = np.random.default_rng(seed)
    popularity = random.dirichlet(np.full(items, 0.3))
    rows = []
    for _ in range(n):
        user = int(random.integers(users) * random.random())
        item = int(random.choice(items, p=popularity)) % (1 + 2 * user)
        rows.append((f"u{user}", f"é{item}" if item % 2 else str(item), int(random.integers(60))))
    return rows


def contents(directory):
    """Each user's (item id, timestamp, split), parsed by the protobuf API."""
    items = (directory / "items.txt").read_text(encoding="utf-8").splitlines()
    found = []
    for path in sorted(directory.glob("user_sequences-*")):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            example = tf.train.SequenceExample.FromString(record)
            lists = {name: value.feature for name, value in example.feature_lists.feature_list.items()}
            item, time, split = (
                [value for feature in lists[name] for value in feature.int64_list.value]
                for name in (features.OPPOSITE_INDEX, features.TIMESTAMP, features.SPLIT)
            )
            context = example.context.feature
            assert context[features.ENTITY_INDEX].int64_list.value[0] == len(found) + 1
            user = context[features.ENTITY_ID].bytes_list.value[0].decode()
            found.append((user, [(items[i - 1], t, s) for i, t, s in zip(item, time, split, strict=True)]))
    return found


CONFIGS = [
    EASY,
    EventDataConfig(min_item_events=5, min_user_events=12, min_user_entropy=1.0, shards=3),
    EventDataConfig(min_item_events=12, min_user_events=30, min_user_entropy=1.5, holdout=0.1, validation=False),
    EventDataConfig(min_user_entropy=0.7, holdout=0.4, min_holdout=2, max_holdout=7, shards=1),
]


@pytest.mark.parametrize(("seed", "config"), enumerate(CONFIGS))
def test_rules_equal_the_slow_reference(tmp_path, config, seed):
    rows = random_rows(seed)
    metadata = prepare(write(tmp_path / "e.csv", rows), config)
    sequences, users, items, dropped = reference_events(rows, config)
    assert contents(tmp_path / "out") == sequences
    assert metadata.dropped == dropped
    *_, dropped_users, dropped_items = kept_events(rows, config)
    untrained = {"untrained_item": 0}
    assert (metadata.dropped_users, metadata.dropped_items) == (dropped_users | untrained, dropped_items | untrained)
    counts = [sum(split == k for _, events in sequences for _, _, split in events) for k in range(3)]
    assert metadata.events == dict(zip(("train", "valid", "test"), counts, strict=True))
    assert (metadata.users, metadata.items) == (len(users), len(items))
    assert sum(counts) + sum(dropped.values()) == len(rows)
    loaded = load_events(tmp_path / "out")
    assert (loaded.user_ids.tolist(), loaded.item_ids.tolist()) == (users, items)
    assert loaded.user_splits.tolist() == [0, 0, *np.cumsum([len(events) for _, events in sequences])]
    flat = [event for _, events in sequences for event in events]
    assert loaded.item_ids[loaded.item - 1].tolist() == [item for item, _, _ in flat]
    assert loaded.timestamp.tolist() == [time for _, time, _ in flat]
    assert loaded.split.tolist() == [split for _, _, split in flat]
    assert (loaded.item.dtype, loaded.timestamp.dtype, loaded.split.dtype) == (np.int32, np.int64, np.uint8)
    assert EventMetadata.load(tmp_path / "out") == metadata
    assert metadata.config == config


@pytest.mark.parametrize(("seed", "config"), enumerate(CONFIGS[:3]))
def test_later_events_are_validation_as_in_the_slow_reference(tmp_path, config, seed):
    rows = random_rows(seed)
    users, items = sorted({row[0] for row in rows}), sorted({row[1] for row in rows})
    random = np.random.default_rng(seed)
    later = [
        (
            str(random.choice([*users, "stranger"])),
            str(random.choice([*items, "novelty"])),
            int(random.integers(50, 99)),
        )
        for _ in range(200)
    ]
    write(tmp_path / "later.csv", later)
    metadata = prepare(write(tmp_path / "e.csv", rows), config, valid=str(tmp_path / "later.csv"))
    sequences, dropped, strangers = reference_later(rows, later, config)
    assert contents(tmp_path / "out") == sequences
    assert metadata.dropped == dropped
    assert all(dropped[rule] for rule in ("untrained_user", "not_later", "untrained_item"))
    assert metadata.dropped_users["untrained_user"] == strangers
    assert sum(metadata.events.values()) + sum(dropped.values()) == len(rows) + len(later)
    assert metadata.events["test"] == 0
    loaded = load_events(tmp_path / "out")
    assert loaded.counts([Split.VALID]).sum() == metadata.events["valid"] > 0


def test_validation_events_must_be_later_than_training(tmp_path):
    """Also where a file is given twice: its own events are never validation."""
    path = write(tmp_path / "e.csv", [(f"u{k % 3}", f"i{k % 5}", k) for k in range(60)])
    with pytest.raises(BadInputError) as error:
        prepare(path, valid=str(path))
    assert str(error.value) == (
        "expected validation events after the filter rules, found none of 60: times that are not later than the user's "
        "training events dropped 60 events"
    )
    assert not (tmp_path / "out" / features.EVENT_METADATA_FILE).exists()


def test_metadata_of_an_earlier_version_are_read(tmp_path):
    metadata = prepare(write(tmp_path / "e.csv", [(f"u{k % 3}", f"i{k % 5}", k) for k in range(60)]))
    path = tmp_path / "out" / features.EVENT_METADATA_FILE
    older = {name: of for name, of in json.loads(path.read_text()).items() if name[:8] != "dropped_"}
    path.write_text(json.dumps(older))
    loaded = EventMetadata.load(tmp_path / "out")
    assert (loaded.dropped, loaded.dropped_users, loaded.dropped_items) == (metadata.dropped, {}, {})
    assert len(load_events(tmp_path / "out").item) == 60


@pytest.mark.parametrize("shards", [1, 4])
def test_order_of_one_second_is_that_of_reading_for_any_blocks_and_shards(tmp_path, monkeypatch, shards):
    rows = [(f"u{k % 3}", f"i{k}", 7) for k in range(300)]
    write(tmp_path / "a.csv", rows[:200])
    table = pa.table(dict(zip(features.EVENT_COLUMNS, zip(*rows[200:], strict=True), strict=True)))
    pq.write_table(table, tmp_path / "b.parquet", row_group_size=7)
    monkeypatch.setattr("rrn_tf.beam.reading.read_ratings.ReadRatings.__init__.__kwdefaults__", {"block_bytes": 100})
    prepare(tmp_path / "[ab].*", EventDataConfig(**{**vars(EASY), "shards": shards}))
    for user, events in contents(tmp_path / "out"):
        train = [item for item, _, split in events if split == Split.TRAIN]
        assert train == [item for owner, item, _ in rows if owner == user][: len(train)]
        assert len(train) > 90


def test_repeated_events_are_all_kept(tmp_path):
    metadata = prepare(write(tmp_path / "e.csv", [("u", "i", 5)] * 7 + [("u", "j", 4)]))
    assert (sum(metadata.events.values()), metadata.rejected) == (8, {})


def test_bad_rows_are_kept_with_their_reasons_and_the_good_ones_used(tmp_path):
    path = tmp_path / "e.csv"
    good = b"".join(b"u%d,i%d,%d\n" % (k % 3, k % 5, k) for k in range(60))
    path.write_bytes(HEADER + b"u,,4\n" + good + b"u,i\nu,i,soon\nu,i,-1\n\xff,i,4\n")
    metadata = prepare(path, EventDataConfig(**{**vars(EASY), "max_bad_share": 0.5}))
    letters = [json.loads(line) for line in (tmp_path / "dead.jsonl").read_text().splitlines()]
    assert [(letter["line"], letter["reason"]) for letter in letters] == [
        (2, "item_id_missing"),
        (63, "field_count"),
        (64, "timestamp_not_a_number"),
        (65, "timestamp_negative"),
        (66, "invalid_utf8"),
    ]
    assert metadata.rejected == dict.fromkeys(sorted(letter["reason"] for letter in letters), 1)
    assert sum(metadata.events.values()) + sum(metadata.dropped.values()) == 60
    with pytest.raises(BadInputError, match=r"^5 of 65 rows \(7.69 %\) rejected, at most 1 % allowed; first: "):
        prepare(path)
    assert not (tmp_path / "out" / features.EVENT_METADATA_FILE).exists()


def test_ratings_will_do(tmp_path):
    rows = [(f"u{k % 3}", f"i{k % 5}", k) for k in range(60)]
    path = tmp_path / "r.csv"
    lines = "".join(f"{t},{i},{u},3.5\n" for u, i, t in rows)
    path.write_text("timestamp,item_id,user_id,rating\n" + lines)
    prepare(path)
    prepare(write(tmp_path / "e.csv", rows), name="events")
    assert contents(tmp_path / "out") == contents(tmp_path / "events")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (HEADER, "expected events, found no rows below the header"),
        (
            b"user,item\n",
            (
                "{path}:1: expected columns user_id,item_id,timestamp, found 'user,item': no column of times; "
                "if there is one, name it by --columns timestamp=NAME"
            ),
        ),
        (
            HEADER + b"u,i,1\nu,j,2\nv,i,3\n",
            (
                "expected events after the filter rules, found none of 3: data.min_item_events=2 dropped 1 item, "
                "1 event; data.min_user_events=2 dropped 2 users, 2 events"
            ),
        ),
    ],
)
def test_nothing_to_prepare_is_one_clear_line(tmp_path, data, message):
    path = tmp_path / "e.csv"
    path.write_bytes(data)
    with pytest.raises(BadInputError) as error:
        prepare(path, EventDataConfig(min_item_events=2, min_user_events=2))
    assert str(error.value) == message.format(path=path)
    assert not (tmp_path / "out" / features.EVENT_METADATA_FILE).exists()


def test_a_missing_file_and_a_folder_without_events(tmp_path):
    with pytest.raises(BadInputError, match=r"e.csv: expected events, found no such file$"):
        prepare(tmp_path / "e.csv")
    with pytest.raises(FileNotFoundError, match=r"expected a prepared data set with events.json, found none$"):
        load_events(tmp_path)


def test_held_out_events_change_nothing_before_them(tmp_path):
    """Other items in each user's last events leave training events, and who is kept, as they were."""
    rows = sorted(random_rows(3), key=lambda row: row[2])
    config = EventDataConfig(min_item_events=1, min_user_entropy=0.0, min_holdout=2, max_holdout=2, validation=False)
    before = dict(reference_events(rows, config)[0])
    last = {user: [k for k, row in enumerate(rows) if row[0] == user][-2:] for user in before}
    changed = [(user, "0" if k in last.get(user, ()) else item, time) for k, (user, item, time) in enumerate(rows)]
    prepare(write(tmp_path / "e.csv", rows), config, name="a")
    prepare(write(tmp_path / "f.csv", changed), config, name="b")
    one, two = (
        {user: [e for e in events if e[2] == Split.TRAIN] for user, events in contents(tmp_path / name)}
        for name in "ab"
    )
    assert one == two
