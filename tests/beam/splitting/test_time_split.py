import math

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from rrn_tf import features
from rrn_tf.beam.encoding.examples import months, to_examples
from rrn_tf.beam.splitting import time_split
from rrn_tf.beam.splitting.row_hash import hash_rows
from rrn_tf.beam.splitting.time_split import CutoffFn, SplitByTime
from rrn_tf.config import SplitConfig
from rrn_tf.data.reading import record_batches
from rrn_tf.data.reading.rejected import rejected_rows
from rrn_tf.features import Split

KEY = (features.USER_ID, features.ITEM_ID, features.TIMESTAMP)


def batch(rows, file="r.csv", first_line=2):
    """A batch of (user, item, timestamp) or (user, item, timestamp, line) rows."""
    lines = [row[3] if len(row) > 3 else first_line + k for k, row in enumerate(rows)]
    columns = [
        pa.array([row[0] for row in rows], pa.string()).dictionary_encode(),
        pa.array([row[1] for row in rows], pa.string()).dictionary_encode(),
        pa.array(np.arange(len(rows)), pa.float32()),
        pa.array([row[2] for row in rows], pa.int64()),
        pa.DictionaryArray.from_arrays(pa.array([0] * len(rows), pa.int8()), pa.array([file])),
        pa.array(lines, pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=record_batches.RATINGS)


def run(config, ratings, held_out=None):
    """Split rows as {(user, item, timestamp): row}, rejected rows by (file, line), and the cutoff."""
    kept, rejected, cutoffs = [], [], []
    # The in-memory runner works in this process, so lists can collect what it computes.
    _SINKS.update({time_split.RATINGS: kept, time_split.REJECTED: rejected, time_split.CUTOFF: cutoffs})
    with beam.Pipeline() as pipeline:
        source = pipeline | "Ratings" >> beam.Create(ratings)
        if held_out is not None:
            source = {time_split.RATINGS: source, time_split.HELD_OUT: pipeline | "HeldOut" >> beam.Create(held_out)}
        for name, output in (source | SplitByTime(config)).items():
            _ = output | name >> beam.Map(_collect, name)
    rows = {tuple(row[name] for name in KEY): row for part in kept for row in part.to_pylist()}
    assert len(rows) == sum(part.num_rows for part in kept)
    bad = sorted((row for part in rejected for row in rejected_rows(part)), key=lambda row: (row.file, row.line))
    return rows, bad, cutoffs[0]


_SINKS = {}


def _collect(element, name):
    from tests.beam.splitting import test_time_split

    test_time_split._SINKS[name].append(element)


def random_rows(seed, n=400):
    random = np.random.default_rng(seed)
    rows = {(f"u{random.integers(20)}", f"i{random.integers(15)}", int(random.integers(0, 5000))) for _ in range(n)}
    return sorted(rows, key=lambda row: hash(row) if seed else row)


@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.55, 0.8, 0.99])
@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_the_cutoff_is_the_training_quantile_and_a_second(fraction, n):
    times = np.random.default_rng(n).integers(0, 60, n)
    combine = CutoffFn(SplitConfig(train_fraction=fraction), all_training=False)
    parts = [np.unique(part, return_counts=True) for part in np.array_split(times, 3)]
    accumulators = [combine.add_input(combine.create_accumulator(), part) for part in parts]
    percent = round(100 * fraction)
    expected = sorted(times)[math.ceil(percent * n / 100) - 1] + 1
    assert combine.extract_output(combine.merge_accumulators(accumulators)) == expected


def test_training_is_before_the_cutoff_and_the_rest_is_halved_by_the_row_alone():
    rows = random_rows(3, 2000)
    together, rejected, cutoff = run(SplitConfig(), [batch(rows[:700]), batch(rows[700:], first_line=702)])
    assert not rejected
    assert len(together) == len(rows)
    for row in together.values():
        assert (row[features.TIMESTAMP] < cutoff) == (row[features.SPLIT] == Split.TRAIN)
    valid, test = (sum(r[features.SPLIT] == s for r in together.values()) for s in (Split.VALID, Split.TEST))
    assert valid + test == pytest.approx(0.2 * len(rows), abs=2)
    assert abs(valid - test) < 4 * math.sqrt(valid + test)
    backwards, _, _ = run(SplitConfig(), [batch(rows[::-1])])

    def by_row(found):
        return {row: values[features.SPLIT] for row, values in found.items()}

    assert by_row(together) == by_row(backwards)
    # Another cutoff moves rows in and out of training, but none between validation and test. It has a sign, since four
    # digits alone are a year.
    later, _, _ = run(SplitConfig(cutoff=f"+{cutoff + 300}"), [batch(rows)])
    held = {row: code for row, code in by_row(later).items() if code != Split.TRAIN}
    assert held
    assert all(by_row(together)[row] == code for row, code in held.items())
    other_seed, _, _ = run(SplitConfig(seed=1), [batch(rows)])
    assert by_row(other_seed) != by_row(together)


def test_rows_unseen_in_training_are_cold_and_activity_counts_training_alone():
    rows = [("a", "x", 1), ("a", "y", 2), ("b", "x", 3), ("a", "x", 10), ("new", "x", 11), ("a", "new", 12)]
    found, _, _ = run(SplitConfig(cutoff="5"), [batch(rows)])
    by_line = [found[row] for row in rows]
    assert [row[features.USER_ACTIVITY] for row in by_line] == [2, 2, 1, 2, 0, 2]
    cold = {Split.VALID_COLD, Split.TEST_COLD}
    assert [row[features.SPLIT] in cold for row in by_line] == [False] * 4 + [True] * 2
    kept, _, _ = run(SplitConfig(cutoff="5", drop_unseen=False), [batch(rows)])
    warm = {Split.VALID_COLD: Split.VALID, Split.TEST_COLD: Split.TEST}
    for place, row in kept.items():
        code = found[place][features.SPLIT]
        assert row[features.SPLIT] == warm.get(code, code)


def test_the_first_of_duplicates_stays_and_the_others_name_it():
    first = batch([("u", "i", 1), ("u", "i", 2), ("v", "i", 1), ("u", "i", 1)], "b.csv")
    second = batch([("u", "i", 1), ("w", "i", 1)], "a.csv", first_line=9)
    found, rejected, _ = run(SplitConfig(cutoff="99"), [first, second])
    assert set(found) == {("u", "i", 1), ("w", "i", 1), ("u", "i", 2), ("v", "i", 1)}
    assert [(row.file, row.line, row.reason) for row in rejected] == [
        ("b.csv", 2, "duplicate"),
        ("b.csv", 5, "duplicate"),
    ]
    assert rejected[0].message == "b.csv:2: same user, item and timestamp as a.csv:9"
    assert rejected[0].row == "u,i,0,1"


def test_an_explicit_validation_source():
    train = batch([("a", "x", 1), ("b", "x", 7), ("c", "x", 7)])
    held = batch([("a", "x", 7), ("a", "x", 8), ("new", "x", 9), ("b", "x", 7)], "valid.csv")
    found, rejected, cutoff = run(SplitConfig(), [train], [held])
    assert cutoff == 8
    assert {row: values[features.SPLIT] for row, values in found.items()} == {
        ("a", "x", 1): Split.TRAIN,
        ("b", "x", 7): Split.TRAIN,
        ("c", "x", 7): Split.TRAIN,
        ("a", "x", 8): Split.VALID,
        ("new", "x", 9): Split.VALID_COLD,
    }
    assert [(row.line, row.reason) for row in rejected] == [(2, "before_cutoff"), (5, "duplicate")]
    assert rejected[0].message == "valid.csv:2: validation timestamp 7 is before the cutoff 8"
    assert set(found["a", "x", 1]) == {*features.COLUMNS, features.SPLIT, features.USER_ACTIVITY}


def test_an_explicit_validation_source_and_cutoff():
    _, rejected, cutoff = run(
        SplitConfig(cutoff="5"), [batch([("a", "x", 1), ("b", "x", 7)])], [batch([("a", "x", 5)], "v.csv")]
    )
    assert cutoff == 5
    assert [row.message for row in rejected] == ["r.csv:3: training timestamp 7 is not before the cutoff 5"]


def test_hashes_differ_between_near_rows_and_are_fixed():
    near = batch([("a", "b", 1), ("b", "a", 1), ("a", "b", 2), ("ab", "", 1), ("a", "c", 1)])
    assert len(set(hash_rows(near).tolist())) == 5
    # Splits of published results rest on this very value.
    assert hash_rows(batch([("u1", "i1", 1_000_000_000)]), seed=1).tolist() == [HASH]


HASH = 5722240559838482078


def test_examples_hold_the_rating_its_month_and_the_users_activity():
    rows = [("ü", "x", 0), ("b", "y", 1_367_366_399), ("b", "z", 1_367_366_400)]
    table = record_batches.with_column(batch(rows), features.USER_ACTIVITY, np.array([0, 9, 1000]))
    spec = features.rating_example_spec(labelled=True) | {
        name: tf.io.FixedLenFeature([], tf.string) for name in (features.MONTH, features.USER_ACTIVITY)
    }
    parsed = {
        name: value.numpy().tolist() for name, value in tf.io.parse_example(list(to_examples(table)), spec).items()
    }
    assert parsed == {
        features.USER_ID: ["ü".encode(), b"b", b"b"],
        features.ITEM_ID: [b"x", b"y", b"z"],
        features.RATING: [0.0, 1.0, 2.0],
        features.TIMESTAMP: [0, 1_367_366_399, 1_367_366_400],
        features.MONTH: [b"1970-01", b"2013-04", b"2013-05"],
        features.USER_ACTIVITY: [b"0", b"1-9", b"1000+"],
    }
    assert months(np.array([253_402_300_799])).to_pylist() == ["9999-12"]
