"""Calibration: whether what is predicted is, on average, what is observed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.evaluation.binned import Line, binned_means, equal_bins, fitted_line

MOST_BINS = 10


def calibration(
    predicted: npt.NDArray[np.floating],
    observed: npt.NDArray[np.floating],
    clusters: npt.NDArray[np.integer],
    most: int = MOST_BINS,
) -> pd.DataFrame:
    """Compares mean predictions and mean observations in bins of equally many predictions, from low to high ones.

    Args:
      predicted: float[N], predicted ratings, or probabilities.
      observed: float[N], the ratings, or 1 where the predicted thing happened and 0 where not.
      clusters: int[N], the user of each.
      most: largest number of bins.

    Returns:
      A row for each bin: `predicted` and `observed` (means), `standard_error` (of the mean of observed less predicted,
      with users as the sampling unit), `n` and `clusters`.
    """
    bin_of = equal_bins(predicted, most)
    num_bins = int(bin_of.max(initial=-1)) + 1
    gap = binned_means(np.asarray(observed, np.float64) - predicted, bin_of, num_bins, clusters)
    mean = binned_means(predicted, bin_of, num_bins, clusters)["mean"]
    return pd.DataFrame(
        {
            "predicted": mean,
            "observed": mean + gap["mean"],
            "standard_error": gap["standard_error"],
            "n": gap["n"],
            "clusters": gap["clusters"],
        }
    )


def calibration_line(
    predicted: npt.NDArray[np.floating], observed: npt.NDArray[np.floating], clusters: npt.NDArray[np.integer]
) -> Line:
    """Fits a line of what is observed to what is predicted; arguments as `calibration`.

    Its slope is 1 for a calibrated model, and below 1 for one whose predictions lie too far apart.
    """
    return fitted_line(predicted, observed, clusters)
