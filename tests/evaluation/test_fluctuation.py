from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.evaluation.fluctuation import chance_fluctuation, fluctuation


def test_by_hand() -> None:
    entity = np.array([1, 1, 1, 1, 1, 3, 3, 4])
    span = np.array([0, 0, 1, 1, 2, 0, 0, 2])
    rating = np.array([1.0, 3, 4, 5, 0, 2, 4, 1])
    # Entity 1: means 2, 4.5 and 0 (of one rating); entity 3 has one span, entity 4 one rating.
    np.testing.assert_allclose(fluctuation(entity, span, rating, 1), [np.nan, 4.5, np.nan, np.nan, np.nan])
    np.testing.assert_allclose(fluctuation(entity, span, rating, 2), [np.nan, 2.5, np.nan, np.nan, np.nan])
    assert fluctuation(entity[:0], span[:0], rating[:0], 1).tolist() == pytest.approx([np.nan], nan_ok=True)


def test_chance_is_less_than_a_planted_change_and_like_none() -> None:
    rng = np.random.default_rng(0)
    entity, span = np.repeat(np.arange(1, 41), 40), np.tile(np.repeat([0, 1], 20), 40)
    noise = rng.standard_normal(len(entity))
    moved, still = 2.0 * span + noise, noise
    assert np.nanmean(fluctuation(entity, span, moved, 5)) > 1.5 * np.nanmean(
        chance_fluctuation(entity, span, moved, 5)
    )
    assert np.nanmean(chance_fluctuation(entity, span, still, 5)) == pytest.approx(
        np.nanmean(fluctuation(entity, span, still, 5)), rel=0.25
    )
