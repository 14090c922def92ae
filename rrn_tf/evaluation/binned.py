"""Means and errors by bin of the ratings or events, with the standard errors of clustered samples, vectorised.

What one user did is correlated, so every standard error treats clusters (users as a rule) as the sampling unit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

Values = npt.NDArray[np.floating]
Bins = npt.NDArray[np.integer]


class Line(NamedTuple):
    """A straight line through points.

    Attributes:
      slope: of the line, in units of y per unit of x; NaN if all x are equal.
      standard_error: of the slope; NaN with fewer than three clusters.
      intercept: value of the line at x = 0.
    """

    slope: float
    standard_error: float
    intercept: float


def binned_means(values: Values, bin_of: Bins, num_bins: int, clusters: Bins) -> pd.DataFrame:
    """Averages values by bin.

    Args:
      values: float[N], finite.
      bin_of: int[N], the bin of each value, from 0.
      num_bins: number of bins.
      clusters: int[N], the user of each value, or another sampling unit.

    Returns:
      One row for each bin, empty ones included: `bin`, `mean` (NaN in an empty bin), `standard_error` (NaN with fewer
      than two clusters), `n` (values) and `clusters`.

    Raises:
      ValueError: for columns of different shapes, a bin out of range, or values that are not finite.

    Reference:
      Cochran, Sampling Techniques, 3rd ed., Eq. 6.13 (variance of a ratio of cluster totals).

    Example:
      >>> import numpy as np
      >>> binned_means(np.array([1.0, 3.0, 5.0]), np.array([0, 0, 1]), 2, np.array([7, 8, 8]))
         bin  mean  standard_error  n  clusters
      0    0   2.0             1.0  2         2
      1    1   5.0             NaN  1         1
    """
    values = _checked(values, bin_of, num_bins, clusters)
    n = np.bincount(bin_of, minlength=num_bins)
    mean = _ratio(np.bincount(bin_of, values, num_bins), n)
    error, found = cluster_errors((values - mean[bin_of]) / n[bin_of], bin_of, num_bins, clusters)
    return pd.DataFrame({"bin": np.arange(num_bins), "mean": mean, "standard_error": error, "n": n, "clusters": found})


def binned_rmse(errors: Values, bin_of: Bins, num_bins: int, clusters: Bins) -> pd.DataFrame:
    """Computes the root mean square of errors by bin, by the delta method; arguments and columns as `binned_means`.

    Returns:
      `bin`, `rmse`, `standard_error`, `n` and `clusters`.
    """
    errors = _checked(errors, bin_of, num_bins, clusters)
    n = np.bincount(bin_of, minlength=num_bins)
    rmse, influence = rmse_and_influence(errors, bin_of, n)
    error, found = cluster_errors(influence, bin_of, num_bins, clusters)
    return pd.DataFrame({"bin": np.arange(num_bins), "rmse": rmse, "standard_error": error, "n": n, "clusters": found})


def binned_rmse_gain(errors: Values, reference: Values, bin_of: Bins, num_bins: int, clusters: Bins) -> pd.DataFrame:
    """Computes by how much a model's RMSE is below that of a reference on the same ratings, by bin.

    Args:
      errors, reference: float[N], errors of the model and of the reference for the same ratings.
      bin_of, num_bins, clusters: as those of `binned_means`.

    Returns:
      `bin`, `rmse` and `reference_rmse`, `gain` (``reference_rmse - rmse``: positive where the model is better),
      `standard_error` (of the paired gain), `n` and `clusters`.

    Raises:
      ValueError: as `binned_means`.
    """
    errors, reference = (_checked(of, bin_of, num_bins, clusters) for of in (errors, reference))
    n = np.bincount(bin_of, minlength=num_bins)
    rmse, influence = rmse_and_influence(errors, bin_of, n)
    reference_rmse, reference_influence = rmse_and_influence(reference, bin_of, n)
    error, found = cluster_errors(reference_influence - influence, bin_of, num_bins, clusters)
    return pd.DataFrame(
        {
            "bin": np.arange(num_bins),
            "rmse": rmse,
            "reference_rmse": reference_rmse,
            "gain": reference_rmse - rmse,
            "standard_error": error,
            "n": n,
            "clusters": found,
        }
    )


def equal_bins(values: npt.NDArray, most: int) -> npt.NDArray[np.int64]:
    """Divides values into at most `most` bins of about equal size; equal values are in one bin.

    Args:
      values: [N], of any type with an order.
      most: largest number of bins.

    Returns:
      int64[N], the bin of each value: 0 for the smallest, and no bin is empty.

    Example:
      >>> import numpy as np
      >>> equal_bins(np.array([5, 1, 1, 1, 9, 7]), 3)
      array([1, 0, 0, 0, 2, 2])
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    _, bin_of = np.unique((middle * most / max(len(values), 1)).astype(np.int64), return_inverse=True)
    return bin_of[inverse].astype(np.int64)


def fitted_line(x: Values, y: Values, clusters: Bins, weights: Values | None = None) -> Line:
    """Fits a line by least squares.

    Args:
      x, y: float[N], the points.
      clusters: int[N], the sampling unit of each point.
      weights: float[N], the weight of each point; equal ones by default.

    Returns:
      The line; the error of its slope allows for clusters and for unequal variances.

    Reference:
      Liang and Zeger, Longitudinal Data Analysis Using Generalized Linear Models, 1986 (the sandwich estimator).
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    weights = np.ones(len(x)) if weights is None else np.asarray(weights, np.float64)
    total = weights.sum()
    if not total or np.ptp(x) == 0:
        return Line(float("nan"), float("nan"), float("nan"))
    x_mean, y_mean = weights @ x / total, weights @ y / total
    spread = weights @ (x - x_mean) ** 2
    slope = weights @ ((x - x_mean) * (y - y_mean)) / spread
    residual = y - y_mean - slope * (x - x_mean)
    nothing = np.zeros(len(x), np.int64)
    (error,), (found,) = cluster_errors(weights * (x - x_mean) * residual / spread, nothing, 1, clusters)
    return Line(float(slope), float(error) if found > 2 else float("nan"), float(y_mean - slope * x_mean))


def _checked(values: Values, bin_of: Bins, num_bins: int, clusters: Bins) -> npt.NDArray[np.float64]:
    values = np.asarray(values, np.float64)
    shapes = {values.shape, np.shape(bin_of), np.shape(clusters)}
    if len(shapes) != 1 or values.ndim != 1:
        raise ValueError(f"values, bins and clusters should have one shape [N], received {sorted(shapes)}")
    if len(values) and not 0 <= np.min(bin_of) <= np.max(bin_of) < num_bins:
        raise ValueError(f"bins should be in 0..{num_bins - 1}, received {np.min(bin_of)}..{np.max(bin_of)}")
    if not np.isfinite(values).all():
        raise ValueError(f"values should be finite, received {(~np.isfinite(values)).sum()} NaN or infinity")
    return values


def _ratio(total: npt.NDArray, n: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
    return np.divide(total, n, out=np.full(len(n), np.nan), where=n > 0)


def rmse_and_influence(
    errors: npt.NDArray[np.float64], bin_of: Bins, n: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Returns the RMSE of each bin, and each error's part in the linearised one: (e^2 - MSE) / (2 N RMSE).

    Args:
      errors: float64[N].
      bin_of: int[N], the bin of each error.
      n: int[bins], the number of errors in each bin.
    """
    squares = errors**2
    mse = _ratio(np.bincount(bin_of, squares, len(n)), n)
    scale = 2 * n * np.sqrt(mse)
    influence = np.zeros_like(squares)
    np.divide(squares - mse[bin_of], scale[bin_of], out=influence, where=scale[bin_of] > 0)
    return np.sqrt(mse), influence


def cluster_errors(
    influence: npt.NDArray[np.float64], bin_of: Bins, num_bins: int, clusters: Bins
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Returns the standard error of each bin's sum of influences, and the number of clusters in it.

    Args:
      influence: float64[N], the part of each value in its bin's figure.
      bin_of: int[N], its bin.
      num_bins: number of bins.
      clusters: int[N], its sampling unit.
    """
    _, cluster = np.unique(clusters, return_inverse=True)
    size = int(cluster.max(initial=0)) + 1
    cell, place = np.unique(np.asarray(bin_of, np.int64) * size + cluster, return_inverse=True)
    bin_of_cell = cell // size
    found = np.bincount(bin_of_cell, minlength=num_bins)
    squares = np.bincount(bin_of_cell, np.bincount(place, influence, len(cell)) ** 2, num_bins)
    enough = found > 1
    factor = np.divide(found, found - 1, out=np.full(num_bins, np.nan), where=enough)
    return np.sqrt(factor * squares), found
