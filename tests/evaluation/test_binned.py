from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.evaluation.binned import binned_means, binned_rmse, binned_rmse_gain, equal_bins, fitted_line
from rrn_tf.evaluation.metrics import rmse, rmse_difference, rmse_standard_error


def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Errors of two models, bins (none is 2) and users."""
    rng = np.random.default_rng(0)
    user = rng.integers(5, 40, 500)
    errors = rng.standard_normal(500) + rng.standard_normal(41)[user]
    return errors, 1.1 * errors + 0.1 * rng.standard_normal(500), rng.choice([0, 1, 3], 500), user


def test_means_by_hand() -> None:
    # Bin 0: users 7 (1, 3) and 8 (5), mean 3; totals of deviations -2 and 2 over 3; two users.
    table = binned_means(np.array([1.0, 3, 5, 4]), np.array([0, 0, 0, 2]), 3, np.array([7, 7, 8, 7]))
    np.testing.assert_allclose(table["mean"], [3, np.nan, 4])
    np.testing.assert_allclose(table["standard_error"], [np.sqrt(2 * 8 / 9), np.nan, np.nan])
    assert table["n"].tolist() == [3, 0, 1]
    assert table["clusters"].tolist() == [2, 0, 1]


def test_rmse_of_each_bin_is_that_of_the_metrics() -> None:
    errors, reference, bin_of, user = drawn()
    table, gains = binned_rmse(errors, bin_of, 4, user), binned_rmse_gain(errors, reference, bin_of, 4, user)
    assert np.isnan(table["rmse"][2])
    assert np.isnan(gains["standard_error"][2])
    for one in (0, 1, 3):
        rows, nothing = bin_of == one, np.zeros((bin_of == one).sum())
        assert table["rmse"][one] == pytest.approx(rmse(errors[rows], nothing))
        assert table["standard_error"][one] == pytest.approx(rmse_standard_error(errors[rows], nothing, user[rows]))
        gain, error = rmse_difference(reference[rows], errors[rows], nothing, user[rows])
        assert gains["gain"][one] == pytest.approx(gain)
        assert gains["standard_error"][one] == pytest.approx(error)
        assert (gains["n"][one], gains["clusters"][one]) == (rows.sum(), len(np.unique(user[rows])))


def test_errors_of_zero_and_no_errors_at_all() -> None:
    zeros, bins = np.zeros(4), np.zeros(4, int)
    assert binned_rmse_gain(zeros, zeros, bins, 1, np.arange(4))[["gain", "standard_error"]].to_numpy().tolist() == [
        [0, 0]
    ]
    nothing = np.zeros(0, int)
    assert binned_means(np.zeros(0), nothing, 2, nothing)["n"].tolist() == [0, 0]
    assert len(binned_means(np.zeros(0), nothing, 0, nothing)) == 0


def test_what_does_not_fit_is_refused() -> None:
    bins = np.zeros(2, int)
    with pytest.raises(ValueError, match=r"one shape \[N\]"):
        binned_means(np.zeros(3), bins, 1, bins)
    with pytest.raises(ValueError, match=r"bins should be in 0..0, received 0..1"):
        binned_means(np.zeros(2), np.array([0, 1]), 1, bins)
    with pytest.raises(ValueError, match="finite, received 1 NaN"):
        binned_rmse(np.array([np.nan, 1]), bins, 1, bins)


def test_bins_of_equal_size_keep_equal_values_together() -> None:
    assert np.bincount(equal_bins(np.random.default_rng(0).permutation(100), 4)).tolist() == [25] * 4
    assert equal_bins(np.full(7, 3), 5).tolist() == [0] * 7
    assert equal_bins(np.zeros(0), 5).tolist() == []
    assert equal_bins(np.array([2, 1]), 10).tolist() == [1, 0]


def test_line_by_hand_and_by_numpy() -> None:
    rng = np.random.default_rng(1)
    x, weights = rng.uniform(0, 2, 50), rng.uniform(1, 3, 50)
    y = 0.5 * x - 1 + 0.1 * rng.standard_normal(50)
    line = fitted_line(x, y, np.arange(50), weights)
    assert (line.slope, line.intercept) == pytest.approx(np.polyfit(x, y, 1, w=np.sqrt(weights)))
    # Of points on their own without weights, the sandwich estimator is White's.
    residual = y - np.polyval(np.polyfit(x, y, 1), x)
    white = np.sqrt(((x - x.mean()) ** 2 @ residual**2) * 50 / 49) / ((x - x.mean()) ** 2).sum()
    assert fitted_line(x, y, np.arange(50)).standard_error == pytest.approx(white)
    assert np.isnan(fitted_line(np.ones(3), y[:3], np.arange(3)).slope)
    assert np.isnan(fitted_line(x[:2], y[:2], np.arange(2)).standard_error)
