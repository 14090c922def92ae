"""Tastes from what a trained network's states leave unexplained: dynamic first, stationary factors after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


class FittedTastes(NamedTuple):
    """Normal posteriors of both sides' factors.

    Attributes:
      means, variances: of users and of items, each float32[entities + 1, k]; row 0 is the unknown entity.
      noise: variance of a rating about them.
      prior: variance of a factor before any rating.
    """

    means: tuple[FloatArray, FloatArray]
    variances: tuple[FloatArray, FloatArray]
    noise: float
    prior: float


def iterate_tastes(
    user: npt.NDArray[np.integer],
    item: npt.NDArray[np.integer],
    residual: npt.NDArray[np.floating],
    entities: tuple[int, int],
    factors: int,
    share: float,
    seed: int = 0,
) -> Iterator[FittedTastes]:
    """Variational Bayesian matrix factorisation, by coordinates; the posteriors after each sweep, without end.

    An entity of few ratings stays near the prior: unlike a point estimate, its factors do not fit its noise.

    Args:
      user, item: int[N], entity indices from 1.
      residual: float[N], ratings less what the states had said of each before it came.
      entities: users and items.
      factors: k.
      share: standard deviation of what two entities' factors say before any rating, in that of the residuals.
      seed: of the first item factors.

    Reference:
      Lim and Teh, Variational Bayesian Approach to Movie Rating Prediction, KDD Cup 2007, with one variance a factor.
    """
    spread = max(float(np.std(residual)), 1e-6)
    left = np.asarray(residual, np.float64) / spread
    index, sizes = (user, item), [count + 1 for count in entities]
    prior, noise = share / np.sqrt(factors), 1.0
    means = [np.zeros((factors, size)) for size in sizes]
    means[1] += np.random.default_rng(seed).standard_normal(means[1].shape) * np.sqrt(0.1 / factors)
    variances = [np.full((factors, size), 0.01 / factors) for size in sizes]
    means[1][:, np.bincount(item, minlength=sizes[1]) == 0] = 0
    while True:
        doubt = 0.0
        for factor in range(factors):
            mean, variance = [m[factor] for m in means], [v[factor] for v in variances]
            left += mean[0][user] * mean[1][item]
            for own, other in ((0, 1), (1, 0)):
                theirs = mean[other][index[other]]
                second = theirs**2 + variance[other][index[other]]
                information = 1 / prior + np.bincount(index[own], second, sizes[own]) / noise
                mean[own][:] = np.bincount(index[own], left * theirs, sizes[own]) / (noise * information)
                variance[own][:] = 1 / information
            product = [m[i] ** 2 for m, i in zip(mean, index, strict=True)]
            moments = [p + v[i] for p, v, i in zip(product, variance, index, strict=True)]
            doubt += float(moments[0] @ moments[1] - product[0] @ product[1])
            left -= mean[0][user] * mean[1][item]
        noise = float(left @ left + doubt) / len(left)
        users, items = ((np.sqrt(spread) * mean.T).astype(np.float32) for mean in means)
        of_users, of_items = ((spread * variance.T).astype(np.float32) for variance in variances)
        yield FittedTastes((users, items), (of_users, of_items), noise * spread**2, prior * spread)
