from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.evaluation.metrics import bootstrap_rmse, mae, rmse, rmse_and_mae, rmse_difference, rmse_standard_error


def clustered(seed: int, users: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Ratings whose errors share a user's part; two models, the second slightly worse."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), rng.integers(1, 12, users))
    actual = rng.standard_normal(len(user))
    error = rng.standard_normal(users)[user] + 0.5 * rng.standard_normal(len(user))
    return actual + error, actual + 1.05 * error + 0.1 * rng.standard_normal(len(user)), actual, user


def test_by_hand() -> None:
    predicted, actual = np.array([1.0, 2.0, 5.0]), np.array([1.0, 4.0, 4.0])
    assert rmse(predicted, actual) == pytest.approx(np.sqrt(5 / 3))
    assert mae(predicted, actual) == pytest.approx(1.0)
    assert rmse_and_mae([(predicted, actual)]) == (rmse(predicted, actual), mae(predicted, actual))
    # Users {0, 1} and {2}: squares 0 + 4 and 1, MSE 5/3; totals +-2/3 over 2 N RMSE, two clusters.
    linear = (2 / 3) / (2 * 3 * np.sqrt(5 / 3))
    assert rmse_standard_error(predicted, actual, np.array([7, 7, 9])) == pytest.approx(2 * linear)


def test_both_errors_at_once_are_those_of_each_to_the_bit() -> None:
    predicted, _, actual, _ = (part.astype(np.float32) for part in clustered(3, 4_000))
    before = predicted.copy()
    assert rmse_and_mae([(predicted, actual)]) == (rmse(predicted, actual), mae(predicted, actual))
    in_parts = rmse_and_mae((predicted[rows], actual[rows]) for rows in np.array_split(np.arange(len(actual)), 7))
    assert in_parts == pytest.approx(rmse_and_mae([(predicted, actual)]), rel=1e-12)
    np.testing.assert_array_equal(predicted, before)


def test_shapes_and_values_are_checked() -> None:
    with pytest.raises(ValueError, match=r"one shape \[N\], received \(3,\) and \(1,\)"):
        rmse(np.zeros(3), np.zeros(1))
    with pytest.raises(ValueError, match="one shape"):
        mae(np.zeros((3, 1)), np.zeros((3, 1)))
    with pytest.raises(ValueError, match="finite, received 1 NaN"):
        rmse(np.array([np.nan, 1]), np.zeros(2))
    with pytest.raises(ValueError, match="clusters should have shape"):
        rmse_standard_error(np.zeros(3), np.ones(3), np.zeros(2, int))


def test_without_rows_there_is_no_error() -> None:
    assert np.isnan(rmse(np.zeros(0), np.zeros(0)))
    assert np.isnan(mae(np.zeros(0), np.zeros(0)))
    assert np.isnan(rmse_and_mae([])).all()
    assert np.isnan(rmse_standard_error(np.ones(3), np.zeros(3), np.zeros(3, int)))


def test_single_precision_does_not_lose_the_sum() -> None:
    predicted = np.full(2_000_000, 0.1, np.float32)
    assert rmse(predicted, np.zeros_like(predicted)) == pytest.approx(np.float32(0.1), rel=1e-9)


def test_delta_method_agrees_with_the_bootstrap() -> None:
    first, second, actual, user = clustered(0)
    replicated = bootstrap_rmse({"a": first, "b": second}, actual, user, replicates=1000)
    difference, error = rmse_difference(first, second, actual, user)
    assert rmse_standard_error(first, actual, user) == pytest.approx(replicated["a"].std(), rel=0.08)
    assert error == pytest.approx((replicated["a"] - replicated["b"]).std(), rel=0.08)
    assert difference == pytest.approx(rmse(first, actual) - rmse(second, actual))
    # What users share makes the error larger than independent rows would have; pairing makes it smaller.
    assert rmse_standard_error(first, actual, user) > 1.5 * rmse_standard_error(first, actual, np.arange(len(user)))
    assert error < 0.3 * rmse_standard_error(first, actual, user)


def test_standard_error_is_that_of_repeated_samples() -> None:
    samples = [clustered(seed, 150) for seed in range(300)]
    found = np.array([rmse(first, actual) for first, _, actual, _ in samples])
    errors = np.array([rmse_standard_error(first, actual, user) for first, _, actual, user in samples])
    assert errors.mean() == pytest.approx(found.std(), rel=0.12)


def test_a_model_beside_itself() -> None:
    first, _, actual, user = clustered(1)
    assert rmse_difference(first, first, actual, user) == (0.0, 0.0)
