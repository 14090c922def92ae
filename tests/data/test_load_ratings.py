"""Prepared ratings are read whole, or each worker reads those of its own entities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rrn_tf.config import DataConfig
from rrn_tf.data import load_ratings, sequence_files, sequences
from rrn_tf.data.load_ratings import load_part, load_sequences, load_steps
from rrn_tf.data.sequences import RatingSequences, SideSequences
from rrn_tf.data.synthetic import SyntheticConfig, generate
from rrn_tf.features import SIDES, Side, Split
from tests.prepared import write_synthetic

OF_STEPS = ("row_splits", "step")
OF_RATINGS = ("opposite", "opposite_row", "rating", "timestamp", "split")
WORKERS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ratings = generate(SyntheticConfig(users=40, items=25, ratings=450, days=60, seed=2, sitting=5))
    return write_synthetic(ratings, tmp_path_factory.mktemp("prepared"), DataConfig(shards=2, steps_per_doubling=2))


@pytest.fixture(scope="module")
def prepared(folder: Path) -> RatingSequences:
    return load_sequences(folder)


@pytest.fixture(scope="module")
def owner(prepared: RatingSequences) -> dict[Side, np.ndarray]:
    draw = np.random.default_rng(0)
    return {
        side: draw.integers(WORKERS, size=len(prepared.side(side).row_splits) - 1).astype(np.int16) for side in SIDES
    }


def rating_entity(side: SideSequences) -> np.ndarray:
    return side.row_entity[side.rating_row]


@pytest.mark.parametrize("expected", [0, 10, 10_000])
def test_reading_in_parts_into_too_little_or_too_much_room_changes_nothing(
    expected: int, folder: Path, prepared: RatingSequences, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_side(*given: object, **options: object) -> dict[str, np.ndarray]:
        return sequence_files.read_side(*given[:-1], expected, **options)

    monkeypatch.setattr(sequence_files, "_PARSE_BATCH", 3)
    monkeypatch.setattr(sequences, "_CHUNK", 7)
    monkeypatch.setattr(load_ratings, "read_side", read_side)
    read = load_sequences(folder)
    for side in SIDES:
        for name in (*OF_STEPS, *OF_RATINGS, "rating_splits"):
            np.testing.assert_array_equal(getattr(read.side(side), name), getattr(prepared.side(side), name))


def test_steps_are_read_without_ratings(folder: Path, prepared: RatingSequences) -> None:
    steps = load_steps(folder)
    for side in SIDES:
        of, whole = steps.side(side), prepared.side(side)
        for name in OF_STEPS:
            np.testing.assert_array_equal(getattr(of, name), getattr(whole, name))
        np.testing.assert_array_equal(of.all_rating_splits, whole.rating_splits)
        assert not of.rating_splits.any()
        assert not any(len(getattr(of, name)) for name in OF_RATINGS)


def test_each_worker_reads_its_own_ratings(
    folder: Path, prepared: RatingSequences, owner: dict[Side, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequence_files, "_PARSE_BATCH", 7)
    steps = load_steps(folder)
    for number in range(WORKERS):
        part = load_part(folder, steps, owner, number)
        assert part.divided
        assert not prepared.divided
        assert [part.count(split) for split in Split] == [prepared.count(split) for split in Split]
        for side in SIDES:
            of, whole = part.side(side), prepared.side(side)
            own = owner[side][rating_entity(whole)] == number
            assert 0 < own.sum() < len(own)
            for name in OF_STEPS:
                np.testing.assert_array_equal(getattr(of, name), getattr(whole, name))
            for name in OF_RATINGS:
                np.testing.assert_array_equal(getattr(of, name), getattr(whole, name)[own])
                assert getattr(of, name).dtype == getattr(whole, name).dtype
            positions = np.arange(len(of.rating))
            np.testing.assert_array_equal(of.entity_of(positions), rating_entity(whole)[own])
            np.testing.assert_array_equal(of.row_of(positions), whole.rating_row[own])
            np.testing.assert_array_equal(of.all_rating_splits, whole.rating_splits)


def test_the_ratings_of_all_users_alone(folder: Path, prepared: RatingSequences, owner: dict[Side, np.ndarray]) -> None:
    part = load_part(folder, load_steps(folder), owner, 0)
    users = load_part(folder, part, {Side.USER: np.zeros_like(owner[Side.USER])}, 0)
    assert users.item is part.item
    for name in (*OF_STEPS, *OF_RATINGS, "rating_splits"):
        np.testing.assert_array_equal(getattr(users.user, name), getattr(prepared.user, name))
