"""Normal posteriors of each entity's factors and bias, updated by ratings as in a Kalman filter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import concatenate_rows
from rrn_tf.data.wallclock import NEVER
from rrn_tf.factors.inverses import inverses
from rrn_tf.features import Side

FloatArray = npt.NDArray[np.float32]


class FactorScale(NamedTuple):
    """Parameters shared by the beliefs about all entities.

    Attributes:
      mean: mean rating, to which every prediction adds.
      noise: variance of a rating around its prediction from known factors.
      drift, new_drift: fraction of the prior variance that each rating adds to its entity's posterior variance, for
        entities with training ratings and without.
      user_prior, item_prior: prior variance of each factor and, last, of the bias.
    """

    mean: float = 0.0
    noise: float = 1.0
    drift: float = 0.0
    new_drift: float = 0.0
    user_prior: tuple[float, ...] = ()
    item_prior: tuple[float, ...] = ()

    def prior(self, side: Side) -> FloatArray:
        """Returns a side's prior variances, float32[w]."""
        return np.array(self.user_prior if side is Side.USER else self.item_prior, np.float32)

    def drifts(self, trained: npt.NDArray[np.bool_]) -> FloatArray:
        """Returns the drift of each entity, float32[N], by whether it has training ratings."""
        return np.where(trained, np.float32(self.drift), np.float32(self.new_drift))


class Beliefs(NamedTuple):
    """Posteriors of E entities: k factors and, last, a bias each, so ``w = k + 1`` numbers.

    An entity's expected vector is its own part, ``mean``, plus the part of the set of entities that it has met,
    ``set_sum / sqrt(set_count)``. The inner product of two entities' factors plus their biases is a rating. Ratings of
    the pending step, the last second with ratings, are kept as sums, which do not depend on their order.

    Attributes:
      mean, variance: float32[E, w], posterior of the own part before the ratings of the pending step.
      set_sum: float32[E, w], sum of the set vectors of all entities met before the pending step.
      set_count: float32[E], number of entities met before the pending step.
      moved: bool[E], whether any rating after training is included in the above.
      precision: float32[E, w, w], sum of ``x v v'`` over the pending step's ratings: ``v`` is the opposite entity's
        expected vector, with a one for its bias, and ``x`` a weight.
      information_vector: float32[E, w], sum of ``x v e``: ``e`` is the error of the predicted rating.
      pending_sum, pending_count: `set_sum` and `set_count` of the pending step alone.
      pending_step: int64[E], the pending step in seconds since the cutoff; `NEVER` if there is none.

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
        """Creates the beliefs about entities without ratings."""
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
        """Creates beliefs without pending steps."""
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
        """Returns beliefs about more entities, the additional ones without ratings."""
        unknown = Beliefs.unknown(entities - len(self.mean), prior)
        return concatenate_rows([self, unknown])

    @property
    def standing(self) -> FloatArray:
        """float32[E, w], the expected vector of each entity before the ratings of the pending step."""
        return self.mean + self.set_sum / np.sqrt(np.maximum(self.set_count, 1))[:, np.newaxis]

    def posterior(self, prior: FloatArray, drift: FloatArray) -> Beliefs:
        """Returns the posterior after the pending step: a Bayesian regression of its errors on the opposite vectors.

        Args:
          prior: float32[w], prior variances.
          drift: float32[E], see `FactorScale`.

        Reference:
          Kalman, A New Approach to Linear Filtering and Prediction Problems, 1960 (in information form).
        """
        mean, variance = self.mean.copy(), self.variance.copy()
        rated = np.flatnonzero(self.pending_count)
        if len(rated):
            information = self.precision[rated].astype(np.float64)
            diagonal = np.arange(mean.shape[1])
            information[:, diagonal, diagonal] += 1 / variance[rated]
            covariance = inverses(information)
            # Of one type: NumPy converts in buffers, at whose ends sums would be divided.
            mean[rated] += np.einsum("nij,nj->ni", covariance, self.information_vector[rated].astype(np.float64))
            grown = (drift * self.pending_count)[rated, np.newaxis] * prior
            variance[rated] = np.minimum(np.einsum("nii->ni", covariance) + grown, prior)
        moved = self.moved | (self.pending_count > 0)
        return Beliefs.at_rest(
            mean, variance, self.set_sum + self.pending_sum, self.set_count + self.pending_count, moved
        )


def expected_ratings(user: FloatArray, item: FloatArray, mean: float) -> FloatArray:
    """Predicts ratings float32[N] from the expected vectors of users and items, float32[N, w] each."""
    rating = np.float32(mean) + user[:, -1] + item[:, -1]
    return rating + np.einsum("nk,nk->n", user[:, :-1], item[:, :-1])
