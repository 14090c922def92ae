import hashlib
from dataclasses import replace

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from rrn_tf import features
from rrn_tf.beam.reading.errors import surfaced_errors
from rrn_tf.beam.sequences.build_sequences import BuildSequences
from rrn_tf.config import DataConfig
from rrn_tf.data.metadata import SequenceMetadata
from rrn_tf.data.prepared import BadInputError
from rrn_tf.features import Side, Split
from tests.beam.reference import reference_sequences

DAY = 86_400
CUTOFF = 1_000_000_000
CONFIG = DataConfig(user_granularity="1d", item_granularity="7d", shards=3)
GRANULARITY = {Side.USER: DAY, Side.ITEM: 7 * DAY}


def random_ratings(seed, n=300, users=12, items=9):
    """Distinct ratings around the cutoff; ids sort differently as bytes and as numbers, the last are cold."""
    random = np.random.default_rng(seed)
    rows = {}
    for _ in range(n):
        timestamp = CUTOFF + int(random.integers(-40 * DAY, 20 * DAY) // 1000 * 1000)
        user = f"u{random.integers(users)}"
        item = f"é{random.integers(items)}" if random.random() < 0.5 else f"{random.integers(items)}"
        late = [Split.VALID, Split.TEST, Split.VALID_COLD, Split.TEST_COLD]
        split = Split.TRAIN if timestamp < CUTOFF else late[random.integers(4)]
        rows[(user, item, timestamp)] = (user, item, float(random.integers(1, 11)) / 2, timestamp, split)
    rows[("new", "7", CUTOFF)] = ("new", "7", 3.0, CUTOFF, Split.TEST_COLD)
    rows[("u1", "aaa new", CUTOFF)] = ("u1", "aaa new", 3.0, CUTOFF, Split.VALID_COLD)
    rows[("u1", "last", CUTOFF - 1)] = ("u1", "last", 0.1, CUTOFF - 1, Split.TRAIN)
    return list(rows.values())


def batch(rows):
    user, item, rating, timestamp, split = zip(*rows, strict=True)
    return pa.RecordBatch.from_pydict(
        {
            features.USER_ID: pa.array(user).dictionary_encode(),
            features.ITEM_ID: pa.array(item),
            features.RATING: pa.array(rating, pa.float32()),
            features.TIMESTAMP: pa.array(timestamp, pa.int64()),
            features.SPLIT: pa.array([int(s) for s in split], pa.uint8()),
        }
    )


def build(rows, directory, batches=1, config=CONFIG, **options):
    size = -(-len(rows) // batches)
    parts = [batch(rows[start : start + size]) for start in range(0, len(rows), size)]
    with surfaced_errors(), beam.Pipeline() as pipeline:
        _ = pipeline | beam.Create(parts) | BuildSequences(config, str(directory), **options)
    return SequenceMetadata.load(directory)


def read_sequences(directory, side):
    result = []
    for path in sorted(directory.rglob(f"{side.sequences}-*")):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            example = tf.train.SequenceExample.FromString(record)
            context = example.context.feature
            lists = {name: value.feature for name, value in example.feature_lists.feature_list.items()}
            rows = [
                (
                    step.int64_list.value[0],
                    list(
                        zip(
                            lists[features.OPPOSITE_INDEX][k].int64_list.value,
                            lists[features.OPPOSITE_ROW][k].int64_list.value,
                            [np.float32(r) for r in lists[features.RATING][k].float_list.value],
                            lists[features.TIMESTAMP][k].int64_list.value,
                            lists[features.SPLIT][k].int64_list.value,
                            strict=True,
                        )
                    ),
                )
                for k, step in enumerate(lists[features.STEP])
            ]
            identity = context[features.ENTITY_ID].bytes_list.value[0].decode()
            result.append((identity, context[features.ENTITY_INDEX].int64_list.value[0], rows))
    return result


def digests(directory):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in directory.iterdir()}


@pytest.mark.parametrize(("seed", "per_doubling"), [(0, 0), (1, 0), (2, 0), (0, 2), (1, 5)])
def test_sequences_equal_the_slow_reference(tmp_path, seed, per_doubling):
    rows = random_ratings(seed)
    metadata = build(rows, tmp_path, batches=3, config=replace(CONFIG, steps_per_doubling=per_doubling))
    assert metadata.steps_per_doubling == per_doubling
    rows32 = [(u, i, np.float32(r), t, s) for u, i, r, t, s in rows]
    vocabulary, expected = reference_sequences(rows32, CUTOFF, GRANULARITY, per_doubling)
    for side in Side:
        assert (tmp_path / side.vocabulary_file).read_text(encoding="utf-8").split("\n")[:-1] == vocabulary[side]
        assert read_sequences(tmp_path, side) == expected[side]


def test_output_bytes_do_not_depend_on_order_or_bundling(tmp_path):
    rows = random_ratings(5)
    build(rows, tmp_path / "a")
    np.random.default_rng(0).shuffle(rows)
    build(rows, tmp_path / "b", batches=7)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert len(digests(tmp_path / "a")) == 2 * 3 + 3


def test_metadata_is_of_the_training_ratings_alone(tmp_path):
    rows = random_ratings(6)
    metadata = build(rows, tmp_path)
    training = [r for r in rows if r[4] == Split.TRAIN]
    times = np.array([r[3] for r in training], np.float64)
    values = np.array([r[2] for r in training], np.float32).astype(np.float64)
    assert metadata.cutoff == max(r[3] for r in training) + 1 == CUTOFF
    assert metadata.wallclock_mean == pytest.approx(times.mean(), rel=1e-15)
    assert metadata.wallclock_std == pytest.approx(times.std(), rel=1e-9)
    assert metadata.rating_mean == pytest.approx(values.mean(), rel=1e-15)
    assert (metadata.rating_min, metadata.rating_max) == (values.min(), values.max())
    assert metadata.users.trained == len({r[0] for r in training})
    assert metadata.items.total == len({r[1] for r in rows})
    assert metadata.ratings == {s.label: sum(r[4] == s for r in rows) for s in Split}


def test_later_ratings_change_no_index_of_a_trained_entity_and_no_earlier_row(tmp_path):
    """Added and perturbed ratings from a time on leave every row that starts at or before it as it was."""
    rows = random_ratings(7)
    now = CUTOFF - 10 * DAY
    random = np.random.default_rng(1)
    future = [
        (u, i, float(random.integers(1, 9)), t + int(random.integers(0, 5 * DAY)) if t < CUTOFF - 6 * DAY else t, s)
        if t >= now
        else (u, i, r, t, s)
        for u, i, r, t, s in rows
    ]
    extra = {(f"u{random.integers(12)}", f"{random.integers(9)}", CUTOFF + 77_777 * k) for k in range(40)}
    future += [(u, i, 1.0, t, Split.TEST) for u, i, t in extra]
    future += [("u1", "last", 9.0, CUTOFF - 2, Split.TRAIN)]
    build(rows, tmp_path / "a")
    build(future, tmp_path / "b")
    for side in Side:
        before, after = read_sequences(tmp_path / "a", side), read_sequences(tmp_path / "b", side)
        granularity = GRANULARITY[side]
        opposite = {index: name for name, index, _ in read_sequences(tmp_path / "a", side.opposite)}
        changed = {index: name for name, index, _ in read_sequences(tmp_path / "b", side.opposite)}

        def known(sequence, names, granularity=granularity):
            return [
                (step, [(names[r[0]], *r[1:]) for r in row if r[3] < now])
                for step, row in sequence
                if CUTOFF + step * granularity <= now and any(r[3] < now for r in row)
            ]

        later = {name: rows for name, _, rows in after}
        for name, _, sequence in before:
            assert known(sequence, opposite) == known(later.get(name, []), changed)


def test_no_step_straddles_the_cutoff(tmp_path):
    build(random_ratings(8), tmp_path)
    for side in Side:
        for _, _, rows in read_sequences(tmp_path, side):
            for step, row in rows:
                assert all((r[4] == Split.TRAIN) == (step < 0) for r in row)


def test_folders_and_more_shards_than_entities(tmp_path):
    rows = [("a", "x", 1.0, 5, Split.TRAIN), ("a", "y", 2.0, 6, Split.TRAIN)]
    folders = {side: f"Split-{side.sequences}" for side in Side}
    metadata = build(rows, tmp_path, config=DataConfig(shards=5), folders=folders)
    assert len(list((tmp_path / "Split-user_sequences").iterdir())) == 5
    assert [r[0] for r in read_sequences(tmp_path, Side.ITEM)] == ["x", "y"]
    assert metadata.cutoff == 7


def test_one_timestamp_has_deviation_one(tmp_path):
    metadata = build([("a", "x", 1.0, 5, Split.TRAIN)], tmp_path)
    assert (metadata.wallclock_mean, metadata.wallclock_std) == (5.0, 1.0)


def test_no_training_rating_is_one_clear_line(tmp_path):
    with pytest.raises(BadInputError, match=r"^expected training ratings, found none \(1 ratings at or after"):
        build([("a", "x", 1.0, 5, Split.TEST)], tmp_path)
    assert not (tmp_path / features.METADATA_FILE).exists()
