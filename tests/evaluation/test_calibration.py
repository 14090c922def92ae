from __future__ import annotations

import numpy as np
import pytest

from rrn_tf.evaluation.calibration import calibration, calibration_line


def test_bins_are_of_equal_size_and_compare_means() -> None:
    predicted, observed = np.array([4.0, 1, 2, 3]), np.array([5.0, 1, 1, 5])
    table = calibration(predicted, observed, np.array([1, 1, 2, 2]), most=2)
    assert table[["predicted", "observed"]].to_numpy().tolist() == [[1.5, 1], [3.5, 5]]
    # Gaps of the first bin: 0 (user 1) and -1 (user 2), mean -1/2; deviations +-1/2 over 2; two users.
    assert table["standard_error"][0] == pytest.approx(np.sqrt(2 * 2 * 0.25**2))
    assert table["n"].tolist() == table["clusters"].tolist() == [2, 2]


def test_predictions_that_lie_too_far_apart_have_a_slope_below_one() -> None:
    rng = np.random.default_rng(0)
    truth = rng.standard_normal(2_000)
    user = rng.integers(0, 100, 2_000)
    line = calibration_line(2 * truth, truth + rng.standard_normal(2_000), user)
    assert line.slope == pytest.approx(0.5, abs=4 * line.standard_error)
    assert line.standard_error < 0.05


def test_one_prediction_for_all_is_one_bin() -> None:
    assert len(calibration(np.ones(5), np.arange(5.0), np.arange(5))) == 1
    assert len(calibration(np.ones(0), np.ones(0), np.zeros(0, int))) == 0
