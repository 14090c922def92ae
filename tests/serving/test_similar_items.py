"""The most similar rows are those that a loop over all pairs finds."""

from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.serving import similar_items
from rrn_tf.serving.similar_items import most_similar


@pytest.mark.parametrize("k", [1, 4, 50])
def test_they_are_those_of_a_loop(k: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar_items, "_CELLS", 40)  # two rows at a time
    vectors = rng.normal(size=(20, 3))
    vectors[4] = 0
    rows = np.array([3, 0, 3, 19, 7])
    place, cosine = most_similar(vectors, rows, k)
    for number, row in enumerate(rows):
        expected = []
        for other in range(20):
            lengths = np.linalg.norm(vectors[row]) * np.linalg.norm(vectors[other])
            if other != row:
                expected.append((-(vectors[row] @ vectors[other] / lengths if lengths else 0.0), other))
        expected = sorted(expected)[:k]
        assert place[number].tolist() == [other for _, other in expected]
        np.testing.assert_allclose(cosine[number], [-value for value, _ in expected], atol=1e-6)


def test_a_single_row_is_like_no_other() -> None:
    place, cosine = most_similar(np.ones((1, 2)), np.array([0]), 3)
    assert place.shape == cosine.shape == (1, 0)
