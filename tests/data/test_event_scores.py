from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.data.event_scores import middle_ranks, positions_of, previous_items, user_means
from rrn_tf.features import Split
from tests.events import sequences_of, uniform_events


def test_previous_items_do_not_cross_users() -> None:
    sequences = sequences_of([[1, 2, 3], [2], [3, 1]], [(0, 1), (0, 0), (0, 1)], 3)
    np.testing.assert_array_equal(previous_items(sequences, np.arange(6)), [0, 1, 2, 0, 0, 3])
    np.testing.assert_array_equal(previous_items(sequences, np.array([5, 1])), [3, 1])


def test_positions_are_those_of_the_splits() -> None:
    sequences = uniform_events(0)
    for splits in ([Split.TRAIN], [Split.VALID, Split.TEST], []):
        expected = [at for at, split in enumerate(sequences.split) if split in splits]
        np.testing.assert_array_equal(positions_of(sequences, splits), expected)


def test_means_are_those_of_plain_python() -> None:
    rng = np.random.default_rng(0)
    user, values = rng.integers(0, 9, 60), rng.standard_normal(60)
    users, means = user_means(values, user)
    assert list(users) == sorted(set(user))
    for one, mean in zip(users, means, strict=True):
        mine = [value for value, owner in zip(values, user, strict=True) if owner == one]
        assert mean == pytest.approx(sum(mine) / len(mine))


def test_means_refuse_other_shapes_and_infinity() -> None:
    with pytest.raises(ValueError, match=r"one shape \[N\], received \(3,\) and \(1,\)"):
        user_means(np.zeros(3), np.zeros(1, int))
    with pytest.raises(ValueError, match="finite, received 1 NaN or infinity"):
        user_means(np.array([0.0, -np.inf]), np.zeros(2, int))


def test_ranks_are_those_of_sorting() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 6, (40, 15)).astype(np.float32)  # many ties
    column = rng.integers(0, 15, 40)
    for row, true, rank in zip(scores, column, middle_ranks(scores, column), strict=True):
        taken = [place for place, at in enumerate(np.argsort(-row, kind="stable"), 1) if row[at] == row[true]]
        assert rank == sum(taken) / len(taken)
