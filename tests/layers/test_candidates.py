"""Items that stand for a large catalogue."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from rrn_tf.layers.candidates import Candidates, candidates

ITEMS, SAMPLES = 40, 12
CERTAIN = tf.constant([[7, 3, 0], [7, 40, 3]])
SURE = {3, 7, 40}


def drawn(trial: int, samples: int = SAMPLES) -> Candidates:
    return Candidates(*(part.numpy() for part in candidates(CERTAIN, ITEMS, samples, tf.constant([5, trial]))))


def test_each_is_there_once_and_in_its_place() -> None:
    found = drawn(0)
    real = found.item[found.item > 0]
    assert len(set(real)) == len(real)
    assert set(real) >= SURE
    assert len(real) <= SAMPLES + len(SURE)
    assert not found.item[len(real) :].any(), "padding is at the end"
    assert (found.log_weight[len(real) :] == -1e9).all()
    expected = np.zeros(ITEMS + 1, int)
    expected[real] = 1 + np.arange(len(real))
    np.testing.assert_array_equal(found.place, expected)


def test_together_they_stand_for_all() -> None:
    for trial in range(20):
        found = drawn(trial)
        weight = np.exp(found.log_weight)
        np.testing.assert_allclose(weight.sum(), ITEMS, rtol=1e-5)
        np.testing.assert_array_equal(weight[np.isin(found.item, list(SURE))], 1)


def test_sums_are_unbiased() -> None:
    value = np.random.default_rng(0).lognormal(size=ITEMS + 1)
    sums = [float(np.exp(found.log_weight) @ value[found.item]) for found in map(drawn, range(500))]
    assert abs(np.mean(sums) - value[1:].sum()) < 4 * np.std(sums) / np.sqrt(len(sums))
    assert np.std(sums) > 0


def test_with_a_draw_an_item_nothing_is_left_to_chance() -> None:
    found = drawn(0, ITEMS)
    np.testing.assert_array_equal(found.item[:ITEMS], np.arange(1, ITEMS + 1))
    assert not found.log_weight[:ITEMS].any()


def test_one_seed_gives_one_draw() -> None:
    np.testing.assert_array_equal(drawn(3).item, drawn(3).item)
    assert set(drawn(3).item) != set(drawn(4).item)
