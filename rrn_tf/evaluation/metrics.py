"""Rating metrics and their standard errors, vectorised.

Ratings of one user are correlated, so every standard error treats users as the sampling unit. Two models are compared
by the paired difference on the same ratings, which has a far smaller error than either RMSE.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import Total, mean, root_mean_square, same
from rrn_tf.evaluation.binned import cluster_errors, rmse_and_influence

Values = npt.NDArray[np.floating]
Clusters = npt.NDArray[np.integer]


def rmse(predicted: Values, actual: Values, total: Total = same) -> float:
    """Computes the root mean squared error.

    Args:
      predicted, actual: float[N], one shape; nothing is broadcast.
      total: as for `rrn_tf.data.arrays.root_mean_square`, where the ratings are divided among workers.

    Returns:
      The error in units of the rating, computed in double precision; NaN without ratings.

    Raises:
      ValueError: for different shapes, or values that are not finite.
    """
    return root_mean_square(_errors(predicted, actual), total)


def mae(predicted: Values, actual: Values, total: Total = same) -> float:
    """Computes the mean absolute error; arguments as `rmse`."""
    errors = _errors(predicted, actual)
    return mean(np.sum(np.abs(errors)), len(errors), total)


def rmse_and_mae(parts: Iterable[tuple[Values, Values]], total: Total = same) -> tuple[float, float]:
    """Computes both errors as `rmse` and `mae` do, of ratings that come part by part.

    Args:
      parts: predictions and ratings float[n] of each part.
      total: as for `rmse`.

    Returns:
      The root mean squared error and the mean absolute error; NaN without ratings.

    Raises:
      ValueError: as by `rmse`.
    """
    squares = absolute = 0.0
    count = 0
    for predicted, actual in parts:
        errors = _errors(predicted, actual)
        absolute += np.sum(np.abs(errors, out=errors))
        squares += np.sum(np.square(errors, out=errors))
        count += len(errors)
    return float(np.sqrt(mean(squares, count, total))), mean(absolute, count, total)


def rmse_standard_error(predicted: Values, actual: Values, clusters: Clusters) -> float:
    """Computes the standard error of an RMSE, with users as clusters, by the delta method.

    Args:
      predicted, actual: float[N].
      clusters: int[N], the user of each rating.

    Returns:
      The standard error; NaN with fewer than two users.

    Reference:
      Cochran, Sampling Techniques, 3rd ed., Eq. 6.13 (variance of a ratio of cluster totals).
    """
    return _cluster_error(_influence(_errors(predicted, actual)), clusters)


def rmse_difference(predicted: Values, reference: Values, actual: Values, clusters: Clusters) -> tuple[float, float]:
    """Computes the difference of two models' RMSEs on the same ratings, and its standard error.

    Args:
      predicted, reference: float[N], the two models' predictions.
      actual: float[N], the ratings.
      clusters: int[N], the user of each rating.

    Returns:
      `(rmse(predicted) - rmse(reference), standard error)`: negative if `predicted` is better.
      The error is 0 for a model compared with itself and NaN with fewer than two users.
    """
    mine, other = _errors(predicted, actual), _errors(reference, actual)
    difference = rmse(predicted, actual) - rmse(reference, actual)
    return difference, _cluster_error(_influence(mine) - _influence(other), clusters)


def bootstrap_rmse(
    predictions: dict[str, Values], actual: Values, clusters: Clusters, replicates: int = 500, seed: int = 0
) -> dict[str, npt.NDArray[np.float64]]:
    """Computes RMSEs of several models on the same resamples of users, drawn with replacement.

    Args:
      predictions: float[N], predictions by model.
      actual: float[N], the ratings.
      clusters: int[N], the user of each rating.
      replicates: number of resamples.
      seed: seed of the resampling.

    Returns:
      float64[replicates] by model: their standard deviation is the model's standard error, and that of the
      difference of two models is the standard error of the paired difference.
    """
    _, cluster = np.unique(clusters, return_inverse=True)
    count = np.bincount(cluster)
    squares = {name: np.bincount(cluster, _errors(p, actual) ** 2) for name, p in predictions.items()}
    rng = np.random.default_rng(seed)
    replicated = {name: np.empty(replicates) for name in predictions}
    for replicate in range(replicates):
        weight = np.bincount(rng.integers(len(count), size=len(count)), minlength=len(count))
        for name, square in squares.items():
            replicated[name][replicate] = np.sqrt(weight @ square / (weight @ count))
    return replicated


def _errors(predicted: Values, actual: Values) -> npt.NDArray[np.float64]:
    predicted, actual = np.asarray(predicted), np.asarray(actual)
    if predicted.shape != actual.shape or predicted.ndim != 1:
        raise ValueError(
            f"predictions and ratings should have one shape [N], received {predicted.shape} and {actual.shape}"
        )
    errors = predicted.astype(np.float64)
    errors -= actual
    if not np.isfinite(errors).all():
        raise ValueError(f"predictions and ratings should be finite, received {np.isnan(errors).sum()} NaN or infinity")
    return errors


def _influence(errors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Computes the contribution of each rating to the linearised RMSE."""
    return rmse_and_influence(errors, _one_bin(errors), np.array([len(errors)]))[1]


def _cluster_error(influence: npt.NDArray[np.float64], clusters: Clusters) -> float:
    if np.shape(clusters) != influence.shape:
        raise ValueError(f"clusters should have shape {influence.shape}, received {np.shape(clusters)}")
    return float(cluster_errors(influence, _one_bin(influence), 1, clusters)[0][0])


def _one_bin(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return np.zeros(len(values), np.int64)
