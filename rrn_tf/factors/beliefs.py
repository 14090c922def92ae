"""What is believed of each entity's factors and bias: normal distributions, moved by ratings as in a Kalman filter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import concatenate_rows
from rrn_tf.data.wallclock import NEVER
from rrn_tf.features import Side

FloatArray = npt.NDArray[np.float32]


class FactorScale(NamedTuple):
    """What all beliefs share.

    Attributes:
      mean: rating that every prediction starts from.
      noise: variance of a rating about what factors say.
      drift, new_drift: share of the prior variance that each rating of an entity, with training ratings or without,
        adds to what is not known of it afterwards.
      user_prior, item_prior: variance of each factor, then of the bias, of an entity without ratings.
    """

    mean: float = 0.0
    noise: float = 1.0
    drift: float = 0.0
    new_drift: float = 0.0
    user_prior: tuple[float, ...] = ()
    item_prior: tuple[float, ...] = ()

    def prior(self, side: Side) -> FloatArray:
        """float32[w] of a side."""
        return np.array(self.user_prior if side is Side.USER else self.item_prior, np.float32)

    def drifts(self, trained: npt.NDArray[np.bool_]) -> FloatArray:
        """float32[N] of entities with training ratings or without."""
        return np.where(trained, np.float32(self.drift), np.float32(self.new_drift))


class Beliefs(NamedTuple):
    """Beliefs about E rows or entities: k factors and, last, a bias each, ``w = k + 1`` numbers.

    An entity stands at its own part, ``mean``, and at what the set of entities that it has met says,
    ``set_sum / sqrt(set_count)``. Two entities' inner product of factors and their biases are a rating. The ratings of
    a step that is still open are kept as what they add up to, in whatever order they come.

    Attributes:
      mean, variance: float32[E, w], of the own part, before the ratings of the open step.
      set_sum: float32[E, w], sum of the set vectors of everyone met before the open step.
      set_count: float32[E], how many those are.
      moved: bool[E], whether any rating after training is in all of these.
      precision: float32[E, w, w], sum of ``x v v'`` over the open step's ratings: ``v`` is where the other side stands,
        with a one for its bias, and ``x`` a weight.
      information_vector: float32[E, w], sum of ``x v e``: ``e`` is what was not expected.
      pending_sum, pending_count: as `set_sum` and `set_count`, of the open step.
      pending_step: int64[E], the open step, in seconds since the cutoff; `NEVER` where there is none.

    Reference:
      Sets: Koren, Factorization Meets the Neighborhood (SVD++), KDD 2008, Eq. 15, on both sides.
    """

    mean: FloatArray
    variance: FloatArray
    set_sum: FloatArray
    set_count: FloatArray
    moved: npt.NDArray[np.bool_]
    precision: FloatArray
    information_vector: FloatArray
    pending_sum: FloatArray
    pending_count: FloatArray
    pending_step: npt.NDArray[np.int64]

    @classmethod
    def unknown(cls, entities: int, prior: FloatArray) -> Beliefs:
        """Of entities without ratings."""
        mean, set_sum = (np.zeros((entities, len(prior)), np.float32) for _ in range(2))
        count, moved = np.zeros(entities, np.float32), np.zeros(entities, bool)
        return cls.at_rest(mean, np.tile(prior, (entities, 1)), set_sum, count, moved)

    @classmethod
    def at_rest(
        cls,
        mean: FloatArray,
        variance: FloatArray,
        set_sum: FloatArray,
        set_count: FloatArray,
        moved: npt.NDArray[np.bool_],
    ) -> Beliefs:
        """With no open step."""
        precision = np.zeros((*mean.shape, mean.shape[1]), np.float32)
        information_vector, pending_sum, pending_count = (
            np.zeros_like(mean),
            np.zeros_like(mean),
            np.zeros_like(set_count),
        )
        pending_step = np.full(len(mean), NEVER, np.int64)
        return cls(
            mean,
            variance,
            set_sum,
            set_count,
            moved,
            precision,
            information_vector,
            pending_sum,
            pending_count,
            pending_step,
        )

    def enlarged(self, entities: int, prior: FloatArray) -> Beliefs:
        """With room for more entities, of whom nothing is known."""
        unknown = Beliefs.unknown(entities - len(self.mean), prior)
        return concatenate_rows([self, unknown])

    @property
    def standing(self) -> FloatArray:
        """float32[E, w], where each entity is expected to stand before the ratings of the open step."""
        return self.mean + self.set_sum / np.sqrt(np.maximum(self.set_count, 1))[:, np.newaxis]

    def posterior(self, prior: FloatArray, drift: FloatArray) -> Beliefs:
        """After the ratings of the open step: the regression of their errors on where the other side stands.

        Args:
          prior: float32[w], variances before any rating.
          drift: float32[E], see `FactorScale`.

        Reference:
          Kalman, A New Approach to Linear Filtering and Prediction Problems, 1960 (in the form of information).
        """
        mean, variance = self.mean.copy(), self.variance.copy()
        rated = np.flatnonzero(self.pending_count)
        if len(rated):
            information = self.precision[rated].astype(np.float64)
            diagonal = np.arange(mean.shape[1])
            information[:, diagonal, diagonal] += 1 / variance[rated]
            covariance = np.linalg.inv(information)
            mean[rated] += np.einsum("nij,nj->ni", covariance, self.information_vector[rated])
            grown = (drift * self.pending_count)[rated, np.newaxis] * prior
            variance[rated] = np.minimum(np.einsum("nii->ni", covariance) + grown, prior)
        moved = self.moved | (self.pending_count > 0)
        return Beliefs.at_rest(
            mean, variance, self.set_sum + self.pending_sum, self.set_count + self.pending_count, moved
        )


def expected_ratings(user: FloatArray, item: FloatArray, mean: float) -> FloatArray:
    """float32[N], ratings of users and items who stand at float32[N, w] each."""
    rating = np.float32(mean) + user[:, -1] + item[:, -1]
    return rating + np.einsum("nk,nk->n", user[:, :-1], item[:, :-1])
