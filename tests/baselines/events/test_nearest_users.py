"""Distributions by the nearest users against loops over users."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from rrn_tf.baselines.events import nearest_users as module
from rrn_tf.baselines.events.nearest_users import nearest_users


@pytest.mark.parametrize("neighbours", [2, 100])
@pytest.mark.parametrize("at_a_time", [20, 1 << 24])
def test_each_user_has_the_mean_of_the_nearest_others(
    neighbours: int, at_a_time: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_NEIGHBOURS", neighbours)
    monkeypatch.setattr(module, "_SIMILARITIES", at_a_time)
    counts = rng.integers(1, 9, (7, 5)) * (rng.random((7, 5)) < 0.6)
    counts[3] = 0
    rarity = np.log(8 / (1 + (counts > 0).sum(axis=0)))
    weighed = np.log1p(counts) * rarity
    expected = np.zeros((7, 5))
    for user in range(7):
        norms = [np.linalg.norm(weighed[other]) * np.linalg.norm(weighed[user]) or 1 for other in range(7)]
        alike = [0 if other == user else weighed[other] @ weighed[user] / norms[other] for other in range(7)]
        for other in np.argsort(alike)[::-1][:neighbours]:
            expected[user] += alike[other] ** 2 * counts[other] / max(counts[other].sum(), 1)
        expected[user] /= expected[user].sum() or 1
    found = nearest_users(sparse.csr_matrix(counts.astype(np.float32))).toarray()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert not found[3].any()
    np.testing.assert_allclose(found[found.any(axis=1)].sum(axis=1), 1, rtol=1e-5)
