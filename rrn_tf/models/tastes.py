"""What is believed of each entity's tastes: factors with variances, moved by ratings as in a Kalman filter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


class TasteScale(NamedTuple):
    """What all beliefs share.

    Attributes:
      noise: variance of a rating about what states and tastes say.
      prior: variance of each factor of an entity without ratings; 0 where there are no tastes to follow.
      drift: share by which a variance grows with each of an entity's later steps, up to the prior one.
    """

    noise: float = 1.0
    prior: float = 0.0
    drift: float = 0.0


class Tastes(NamedTuple):
    """Beliefs about rows or entities, k factors each; a normal distribution with a diagonal covariance.

    The ratings of a step that is still open are kept as what they add up to, in whatever order they come.

    Attributes:
      mean, variance: float32[E, k], before the ratings of the open step.
      precision: float32[E, k, k], sum of ``w v v'`` over those ratings: ``v`` the other side's mean, ``w`` a weight.
      pull: float32[E, k], sum of ``w v e``: ``e`` is what neither states nor tastes expected.
    """

    mean: FloatArray
    variance: FloatArray
    precision: FloatArray
    pull: FloatArray

    @classmethod
    def unknown(cls, entities: int, factors: int, scale: TasteScale) -> Tastes:
        """Of entities without ratings."""
        return cls.of(np.zeros((entities, factors), np.float32), np.full((entities, factors), scale.prior, np.float32))

    @classmethod
    def of(cls, mean: FloatArray, variance: FloatArray) -> Tastes:
        """With no open step."""
        return cls(mean, variance, np.zeros((*mean.shape, mean.shape[1]), np.float32), np.zeros_like(mean))

    def closed(self, scale: TasteScale) -> Tastes:
        """After the ratings of the open step: the regression of their errors on the other side's factors.

        Reference:
          Kalman, A New Approach to Linear Filtering and Prediction Problems, 1960 (in the form of information).
        """
        mean, variance = self.mean.copy(), self.variance.copy()
        with_ratings = np.flatnonzero(self.precision.any(axis=(1, 2)) & (variance > 0).all(axis=1))
        if len(with_ratings):
            information = self.precision[with_ratings].astype(np.float64)
            information[:, range(mean.shape[1]), range(mean.shape[1])] += 1 / variance[with_ratings]
            covariance = np.linalg.inv(information)
            mean[with_ratings] += np.einsum("nij,nj->ni", covariance, self.pull[with_ratings])
            variance[with_ratings] = np.einsum("nii->ni", covariance)
        variance = np.minimum(variance * np.float32(1 + scale.drift), np.float32(scale.prior))
        return Tastes.of(mean, variance)
