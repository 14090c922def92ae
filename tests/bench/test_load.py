"""The load of the benchmarks."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rrn_tf.beam.prepare import prepare_sequences
from rrn_tf.bench.load import Load, load_in_memory, netflix_like, write_csv
from rrn_tf.config import SplitConfig
from rrn_tf.data.load_ratings import load_sequences
from rrn_tf.data.synthetic import START, generate
from rrn_tf.features import COLUMNS, SIDES, Split

_HALVES = np.array([Split.TRAIN, Split.VALID, Split.VALID, Split.VALID_COLD, Split.VALID_COLD])  # by split


def test_the_load_has_netflix_shape() -> None:
    ratings = generate(netflix_like(200_000, 4_500, 17_700, seed=1))
    day = (ratings.timestamp - START) // 86_400
    assert len(ratings) / len(np.unique(ratings.user.astype(np.int64) * 180 + day)) == pytest.approx(5.2, rel=0.02)
    assert set(np.unique(ratings.rating)) == {1, 2, 3, 4, 5}
    assert ratings.rating.mean() == pytest.approx(3.6, abs=0.15)
    assert ratings.rating.std() == pytest.approx(1.08, abs=0.1)
    users, items = np.bincount(ratings.user), np.sort(np.bincount(ratings.item))
    assert np.median(users) / users.mean() == pytest.approx(0.46, abs=0.06)
    assert items[-1770:].sum() / len(ratings) == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize(
    ("steps", "train_fraction"),
    [(0, 0.8), (2, 1.0), *(pytest.param(*case, marks=pytest.mark.slow) for case in ((0, 1.0), (2, 0.8)))],
)
def test_a_load_in_memory_is_what_beam_prepares(steps: int, train_fraction: float, tmp_path: Path) -> None:
    # Some of the users and items get no rating, and ids as text are not in order of their numbers.
    load = Load(netflix_like(3_000, 400, 90, seed=3), "2d", "10d", steps)
    write_csv(load, tmp_path / "ratings.csv")
    data = load.data
    if train_fraction < 1:
        data = dataclasses.replace(data, split=SplitConfig(train_fraction=train_fraction))
    prepare_sequences(str(tmp_path / "ratings.csv"), str(tmp_path), data, dead_letters=str(tmp_path / "dead.jsonl"))
    prepared, made = load_sequences(tmp_path), load_in_memory(load, train_fraction)
    assert made.metadata.ratings[Split.TRAIN.label] == 3_000 * train_fraction
    assert made.metadata.users.total < 400
    assert made.metadata.steps_per_doubling == steps
    for side in SIDES:
        assert made.ids(side).tolist() == prepared.ids(side).tolist()
        for field in dataclasses.fields(prepared.side(side)):
            ours, theirs = (getattr(part.side(side), field.name) for part in (made, prepared))
            if field.name == "split":
                # Which half of the later ratings is for validation is drawn another way.
                ours, theirs = (_HALVES[split] for split in (ours, theirs))
            np.testing.assert_array_equal(ours, theirs, err_msg=f"{side.value} {field.name}")
    ours, theirs = (dataclasses.asdict(part.metadata) for part in (made, prepared))
    counts = ours.pop("ratings")
    assert sum(counts.values()) == sum(theirs.pop("ratings").values()) == 3_000
    if train_fraction < 1:
        for valid, test in (("valid", "test"), ("valid_cold", "test_cold")):
            assert counts[valid] == pytest.approx(counts[test], rel=0.5)
            assert min(counts[valid], counts[test]) > 0
    for name in ("wallclock_mean", "wallclock_std"):
        assert ours.pop(name) == pytest.approx(theirs.pop(name), rel=1e-9)
    assert ours == theirs


def test_the_file_holds_the_ratings(tmp_path: Path) -> None:
    load = Load(netflix_like(500, 40, 30, seed=0))
    size = write_csv(load, tmp_path / "ratings.csv")
    assert size == (tmp_path / "ratings.csv").stat().st_size
    ratings = generate(load.ratings)
    frame = pd.read_csv(tmp_path / "ratings.csv")
    assert tuple(frame.columns) == COLUMNS
    for name, column in zip(COLUMNS, (ratings.user, ratings.item, ratings.rating, ratings.timestamp), strict=True):
        np.testing.assert_array_equal(frame[name], column)


def test_too_many_ratings_are_refused() -> None:
    with pytest.raises(ValueError, match="ratings should be at most half of users x items, found 51"):
        netflix_like(51, 10, 10, seed=0)
