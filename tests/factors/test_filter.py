"""Beliefs that later ratings move: a closed second is a regression; pieces are one pass; nothing sees its own second.

That the filter equals the reference is tested with whole models (`tests/test_forward_pass.py`, `tests/serving`).
"""

from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.data.rows import SideRatings
from rrn_tf.factors import Beliefs, FactorFilter, FactorScale
from rrn_tf.features import SIDES, Side

USERS, ITEMS, WIDTH, CUTOFF = 8, 6, 3, 1_000
PRIOR = (0.5, 0.4, 0.3)
SCALE = FactorScale(3.0, 1.5, 0.2, 0.05, PRIOR, PRIOR)


@pytest.fixture
def start(rng: np.random.Generator) -> dict[Side, Beliefs]:
    prior, beliefs = np.array(PRIOR, np.float32), {}
    for side, entities in zip(SIDES, (USERS, ITEMS), strict=True):
        trained = Beliefs.unknown(entities - 1, prior)
        trained.mean[1:] = rng.normal(0, 0.5, (entities - 2, WIDTH))
        trained.variance[1:] *= 0.5
        beliefs[side] = trained.enlarged(entities + 1, prior)
    return beliefs


@pytest.fixture
def set_vectors(rng: np.random.Generator) -> dict[Side, np.ndarray]:
    """Of all but the newest two entities of the other side."""
    shapes = {Side.USER: ITEMS - 1, Side.ITEM: USERS - 1}
    vectors = {side: rng.normal(0, 0.3, (count, WIDTH)).astype(np.float32) for side, count in shapes.items()}
    for table in vectors.values():
        table[0] = 0
    return vectors


@pytest.fixture
def ratings(rng: np.random.Generator) -> SideRatings:
    """Many within one second."""
    count = 120
    return SideRatings(
        rng.integers(1, USERS + 1, count).astype(np.int32),
        rng.integers(1, ITEMS + 1, count).astype(np.int32),
        rng.integers(1, 6, count).astype(np.float32),
        np.sort(CUTOFF + rng.integers(0, 40, count)),
        np.zeros(count, np.uint8),
    )


def test_a_closed_second_is_a_regression(rng: np.random.Generator) -> None:
    vectors, errors, prior = rng.normal(size=(6, 3)), rng.normal(size=6), np.array([2.0, 2.0, 2.0], np.float32)
    before = Beliefs.unknown(2, prior)._replace(mean=rng.normal(size=(2, 3)).astype(np.float32))
    before.variance[:] = 0.8
    before.precision[0], before.information_vector[0] = vectors.T @ vectors / 0.5, vectors.T @ errors / 0.5
    before.pending_sum[0], before.pending_count[0] = [1, 2, 3], 6
    after = before.posterior(prior, np.full(2, 0.01, np.float32))
    design = np.concatenate([vectors / np.sqrt(0.5), np.eye(3) / np.sqrt(0.8)])
    ridge = np.linalg.lstsq(design, np.concatenate([errors / np.sqrt(0.5), np.zeros(3)]), rcond=None)[0]
    np.testing.assert_allclose(after.mean[0], before.mean[0] + ridge, rtol=1e-4, atol=1e-5)
    for column in ("mean", "variance", "set_sum"):
        np.testing.assert_array_equal(getattr(after, column)[1], getattr(before, column)[1])
    assert (after.variance[0] < 0.8).all()
    np.testing.assert_array_equal(after.set_sum[0], [1, 2, 3])
    np.testing.assert_array_equal(after.set_count, [6, 0])
    assert not after.precision.any()


@pytest.mark.parametrize("pieces", [2, 7])
def test_pieces_are_one_pass(
    start: dict[Side, Beliefs], set_vectors: dict[Side, np.ndarray], ratings: SideRatings, pieces: int
) -> None:
    whole, moved, left = FactorFilter(ratings, start, CUTOFF).run(set_vectors, SCALE)
    found, beliefs = [], start
    for rows in np.array_split(np.arange(len(whole)), pieces):  # cuts within seconds
        expected, told, beliefs = FactorFilter(ratings.take(rows), beliefs, CUTOFF).run(set_vectors, SCALE)
        found.append(expected)
        np.testing.assert_array_equal(told, moved[rows])
    np.testing.assert_allclose(np.concatenate(found), whole, rtol=1e-5)
    for side in SIDES:
        for mine, theirs in zip(left[side], beliefs[side], strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)


def test_order_within_a_call_does_not_matter(
    start: dict[Side, Beliefs], set_vectors: dict[Side, np.ndarray], ratings: SideRatings, rng: np.random.Generator
) -> None:
    whole, *_ = FactorFilter(ratings, start, CUTOFF).run(set_vectors, SCALE)
    order = rng.permutation(len(whole))
    shuffled, *_ = FactorFilter(ratings.take(order), start, CUTOFF).run(set_vectors, SCALE)
    np.testing.assert_allclose(shuffled, whole[order], rtol=1e-5)


def test_not_one_bit_depends_on_the_same_second_or_later(
    start: dict[Side, Beliefs], set_vectors: dict[Side, np.ndarray], ratings: SideRatings
) -> None:
    before, *_ = FactorFilter(ratings, start, CUTOFF).run(set_vectors, SCALE)
    horizon = int(np.median(ratings.timestamp))
    changed = ratings._replace(rating=np.where(ratings.timestamp >= horizon, 9, ratings.rating).astype(np.float32))
    after, *_ = FactorFilter(changed, start, CUTOFF).run(set_vectors, SCALE)
    early = ratings.timestamp <= horizon
    assert early.sum() > 20
    np.testing.assert_array_equal(before[early], after[early])
    assert (before != after).any()


def test_no_ratings_move_nothing(start: dict[Side, Beliefs], set_vectors: dict[Side, np.ndarray]) -> None:
    expected, _, left = FactorFilter(SideRatings.empty(), start, CUTOFF).run(set_vectors, SCALE)
    assert not len(expected)
    for side in SIDES:
        for mine, theirs in zip(left[side], start[side], strict=True):
            np.testing.assert_array_equal(mine, theirs)
