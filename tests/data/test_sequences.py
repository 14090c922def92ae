"""Prepared sequences in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rrn_tf.config import DataConfig
from rrn_tf.data import sequence_files, sequences
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.data.metadata import SequenceMetadata
from rrn_tf.data.sequences import RatingSequences, SideSequences
from rrn_tf.data.synthetic import SyntheticConfig, generate
from rrn_tf.features import SIDES, Side, Split
from tests.prepared import write_synthetic

GONE = (Split.TEST, Split.TEST_COLD)
ARRAYS = ("row_splits", "step", "rating_splits", "opposite", "opposite_row", "rating", "timestamp", "split")


@pytest.fixture(scope="module", params=[0, 2], ids=["by_time", "by_count"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    ratings = generate(SyntheticConfig(users=40, items=25, ratings=450, days=60, seed=2, sitting=5))
    config = DataConfig(shards=1, steps_per_doubling=request.param)
    return write_synthetic(ratings, tmp_path_factory.mktemp("prepared"), config)


@pytest.fixture(scope="module")
def prepared(folder: Path) -> RatingSequences:
    return load_sequences(folder)


def equal(one: RatingSequences, other: RatingSequences) -> bool:
    def same(a: SideSequences, b: SideSequences) -> bool:
        return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ARRAYS)

    return one.metadata == other.metadata and all(same(one.side(side), other.side(side)) for side in SIDES)


def test_metadata_written_before_there_were_steps_by_count(prepared: RatingSequences) -> None:
    values = json.loads(prepared.metadata.to_json())
    del values["steps_per_doubling"]
    assert SequenceMetadata.from_json(json.dumps(values)) == replace(prepared.metadata, steps_per_doubling=0)


@pytest.mark.parametrize("side", SIDES)
def test_steps_and_entities_of_some_ratings_are_looked_up(side: Side, prepared: RatingSequences) -> None:
    of = prepared.side(side)
    positions = np.array([len(of.rating) - 1, 0, 5, 5])
    np.testing.assert_array_equal(of.row_of(positions), of.rating_row[positions])
    np.testing.assert_array_equal(of.entity_of(positions), of.row_entity[of.rating_row[positions]])


@pytest.mark.parametrize("side", SIDES)
def test_columns_are_as_narrow_read_from_files_as_built_in_memory(side: Side, prepared: RatingSequences) -> None:
    in_memory = prepared.without([]).side(side)
    for name in ("step", "opposite", "opposite_row", "rating", "timestamp", "split"):
        read = getattr(prepared.side(side), name)
        assert read.dtype == getattr(in_memory, name).dtype, name
    assert prepared.side(side).opposite_row.dtype == np.int32


def test_times_take_four_bytes_where_all_fit(prepared: RatingSequences) -> None:
    table, more = prepared.ratings_at(np.arange(len(prepared.user.rating))), 1 << 31
    assert table.timestamp.dtype == prepared.user.times(np.arange(2)).dtype == np.int64
    assert prepared.user.timestamp.dtype == prepared.item.timestamp.dtype == np.int32
    later = replace(prepared.metadata, cutoff=prepared.metadata.cutoff + more)
    moved, _ = sequences.sequences_in_memory(
        table._replace(timestamp=table.timestamp + more), prepared.user_ids, prepared.item_ids, later
    )
    for side in SIDES:
        assert moved.side(side).timestamp.dtype == np.int64
        np.testing.assert_array_equal(moved.side(side).timestamp - more, prepared.side(side).timestamp)
        np.testing.assert_array_equal(moved.side(side).step, prepared.side(side).step)
    assert moved.user.earliest(later.cutoff) == prepared.user.earliest(later.cutoff) + more
    column = sequence_files._Column(np.int32, 3)
    for part in ([5, -7], [-(1 << 31)], [3, 1 << 40], []):
        column.add(np.array(part, np.int64))
    assert column.values.tolist() == [5, -7, -(1 << 31), 3, 1 << 40]


def test_without_no_split_nothing_changes(prepared: RatingSequences) -> None:
    assert equal(prepared.without(()), prepared)


def test_without_splits_the_others_are_as_they_were(prepared: RatingSequences) -> None:
    left = prepared.without(GONE)
    assert not len(left.rating_indices(GONE))
    assert left.metadata.ratings["test"] == 0 < prepared.metadata.ratings["test"]
    kept = (Split.TRAIN, Split.VALID, Split.VALID_COLD)
    one, other = (of.select(of.rating_indices(kept), unseen=True) for of in (left, prepared))
    assert all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("user", "item", "rating", "timestamp")
    )
    for now, before in ((left.side(side), prepared.side(side)) for side in SIDES):
        assert np.array_equal(now.training_rows, before.training_rows)
        assert np.array_equal(now.step[now.step < 0], before.step[before.step < 0])


def test_what_a_left_out_rating_was_leaves_no_trace(prepared: RatingSequences) -> None:
    changed = {
        side: replace(
            prepared.side(side),
            rating=np.where(np.isin(prepared.side(side).split, GONE), -9, prepared.side(side).rating),
        )
        for side in SIDES
    }
    perturbed = replace(prepared, user=changed[Side.USER], item=changed[Side.ITEM])
    assert not equal(perturbed, prepared)
    assert equal(perturbed.without(GONE), prepared.without(GONE))
