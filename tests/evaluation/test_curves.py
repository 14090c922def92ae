from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.evaluation.curves import least_squares, mean_curve


def test_units_that_come_late_do_not_look_like_a_change() -> None:
    rng = np.random.default_rng(0)
    levels, moves = rng.normal(0, 5, (40, 1)), np.array([0.0, 1.0, 3.0, 2.0, 2.0, 5.0])
    known = np.arange(6) >= rng.integers(0, 5, (40, 1))
    values = np.where(known, levels + moves, np.nan)
    curve = mean_curve(values, known)
    np.testing.assert_allclose(curve.mean - curve.mean[0], moves, atol=1e-9)
    assert curve.units.tolist() == known.sum(axis=0).tolist()
    assert curve.combination([-1, 0, 0, 0, 0, 1]).value == pytest.approx(5)


def test_errors_are_those_of_a_mean_of_units() -> None:
    values = np.random.default_rng(1).normal(0, 1, (30, 4))
    curve = mean_curve(values)
    np.testing.assert_allclose(curve.errors, values.std(axis=0, ddof=1) / 30**0.5)
    change = values[:, 2:].mean(axis=1) - values[:, :2].mean(axis=1)
    found = curve.change(np.array([True, True, False, False]), np.array([False, False, True, True]))
    assert found.value == pytest.approx(change.mean())
    assert found.error == pytest.approx(change.std(ddof=1) / 30**0.5)
    twice = curve.allowing_for(curve)
    np.testing.assert_allclose(twice.errors, 2**0.5 * curve.errors)


def test_nothing_is_said_of_places_that_no_unit_bridges() -> None:
    known = np.array([[True, True, False, False], [True, True, False, False], [False, False, False, True]])
    curve = mean_curve(np.ones((3, 4)), known)
    assert np.isnan(curve.mean).tolist() == [False, False, True, True]
    assert np.isnan(mean_curve(np.ones((1, 3))).errors).all()
    nowhere = np.zeros(4, bool)
    assert np.isnan(curve.change(nowhere, known[0])).all()


def test_least_squares_weighs_places() -> None:
    x = np.array([0.0, 1.0, 2.0, 5.0])
    intercept, slope = least_squares([np.ones(4), x])
    curve = mean_curve(np.tile(2 + 3 * x, (5, 1)))
    assert curve.combination(slope).value == pytest.approx(3)
    assert curve.combination(intercept).value == pytest.approx(2)


def test_a_mean_of_too_few_units_is_not_told() -> None:
    known = np.array([[True, True, True], [False, True, True]])
    assert np.isnan(mean_curve(np.ones((2, 3)), known, 2).mean).tolist() == [True, False, False]
