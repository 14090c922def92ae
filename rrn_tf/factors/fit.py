"""Variational Bayesian factors with biases and sets of met entities on both sides, fitted by coordinate ascent."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from rrn_tf.data.arrays import concatenated_ranges
from rrn_tf.factors.beliefs import Beliefs, FactorScale, FloatArray
from rrn_tf.factors.inverses import inverses
from rrn_tf.features import SIDES, Side

_CELLS = 1 << 18  # padded ratings in memory at a time
_PRIOR_OWN, _PRIOR_BIAS, _PRIOR_SET = 0.4, 0.25, 0.02  # initial variances: k factors together, a bias, a set vector
_UPDATE_PRIORS_AFTER = 2  # sweeps
_CONJUGATE_STEPS = 10  # at most this many per sweep, starting from the last sweep's solution


class FittedFactors(NamedTuple):
    """Normal posteriors after a sweep.

    Attributes:
      beliefs: per side, the posterior of all entities from index 0, the unknown one.
      set_vectors: per side, float32[E' + 1, w]: the vector that meeting each entity of the other side adds to a set.
      scale: mean, noise and priors; drifts are 0.
    """

    beliefs: dict[Side, Beliefs]
    set_vectors: dict[Side, FloatArray]
    scale: FactorScale


def fit_factors(
    user: npt.NDArray[np.integer],
    item: npt.NDArray[np.integer],
    rating: npt.NDArray[np.floating],
    entities: tuple[int, int],
    factors: int,
    seed: int = 0,
) -> Iterator[FittedFactors]:
    """Yields the posteriors after each sweep over both sides, without end.

    A rating is ``mean + b_u + b_i + <p_u + sum_j y_j / sqrt(n_u), q_i + sum_v z_v / sqrt(m_i)>`` with noise; ``b_u``
    and ``b_i`` contain a part of the set as well. All parts have normal priors, with variances per factor, part and
    side that are estimated too. A sweep solves, side by side, for all own parts and set vectors of a side jointly,
    given the other side's means and covariances: the own parts are eliminated entity by entity, and the set vectors'
    remaining equations are solved by conjugate gradients. Time and memory are linear in the number of ratings.

    Args:
      user, item: int[N], entity indices from 1.
      rating: float[N].
      entities: number of users and of items.
      factors: number k of factors.
      seed: of the initial factors.

    Raises:
      ValueError: without ratings, or for fewer than one factor.

    Reference:
      Lim and Teh, Variational Bayesian Approach to Movie Rating Prediction, KDD Cup 2007; sets as in Koren (KDD 2008)
      and, on both sides, Rendle, Zhang and Koren, On the Difficulty of Evaluating Baselines, 2019.
    """
    if not len(rating):
        raise ValueError("factors should have ratings to be fitted to, received none")
    if factors < 1:
        raise ValueError(f"factors should be at least 1, received {factors}")
    mean = float(np.mean(rating, dtype=np.float64))
    spread = max(float(np.std(rating, dtype=np.float64)), 1e-6)
    left = ((np.asarray(rating, np.float64) - mean) / spread).astype(np.float32)
    index, rng = (np.asarray(user, np.int64), np.asarray(item, np.int64)), np.random.default_rng(seed)
    sides = [
        _SideFit(index[own], index[1 - own], entities[own] + 1, entities[1 - own] + 1, factors, rng) for own in (0, 1)
    ]
    noise = np.float32(1)
    for sweep in itertools.count():
        for own, side in enumerate(sides):
            other = sides[1 - own]
            side.solve(other.standing, other.covariance, left - other.standing[index[1 - own], -1], noise)
        noise = _noise(left, sides, index)
        if sweep >= _UPDATE_PRIORS_AFTER:
            for side in sides:
                side.update_priors()
        yield _fitted(sides, mean, spread, float(noise))


class _SideFit:
    """The posterior of one side, in units of the ratings' standard deviation.

    Attributes:
      standing: float32[E, w], posterior mean of own part and set together.
      covariance: float32[E, w, w], covariance of the same.
      own, own_variance: float32[E, w], posterior mean and variance of the own part.
      set_vectors: float32[E', w].
      prior, set_prior: float32[w], prior variances.
    """

    def __init__(
        self,
        own: npt.NDArray[np.int64],
        other: npt.NDArray[np.int64],
        entities: int,
        others: int,
        factors: int,
        rng: np.random.Generator,
    ) -> None:
        self._other, self._width = other, factors + 1
        self._rated = np.bincount(own, minlength=entities) > 0
        self._met = np.bincount(other, minlength=others) > 0
        self._groups = list(_groups(own, entities))
        ones = np.ones(len(own), np.float32)
        self._ratings = sparse.csr_matrix((ones, (own, other)), shape=(entities, others))
        self.count = np.bincount(own, minlength=entities).astype(np.float32)
        scale = sparse.diags(1 / np.sqrt(np.maximum(self.count, 1)))
        self.sets = (scale @ self._ratings).tocsr()
        self._sets_transposed = self.sets.T.tocsr()
        self._squares = self.sets.power(2), self._sets_transposed.power(2)
        self.prior = np.full(self._width, _PRIOR_OWN / factors, np.float32)
        self.prior[-1] = _PRIOR_BIAS
        self.set_prior = np.full(self._width, _PRIOR_SET, np.float32)
        self.set_vectors = np.zeros((others, self._width), np.float32)
        self._set_variance = np.zeros_like(self.set_vectors)
        self.own = np.zeros((entities, self._width), np.float32)
        self.own_variance = np.tile(self.prior, (entities, 1))
        self.standing = self.own.copy()
        self.standing[self._rated, :-1] = 0.1 * rng.standard_normal((np.count_nonzero(self._rated), factors))
        self.covariance = np.tile(0.01 * np.eye(self._width, dtype=np.float32), (entities, 1, 1))

    def solve(self, standing: FloatArray, covariance: FloatArray, target: FloatArray, noise: np.float32) -> None:
        """Computes the posterior given the other side's means, its covariances, and the ratings less its biases."""
        information, information_vector = self._normal_equations(standing, covariance, target, noise)
        precision = 1 / self.prior
        posterior = inverses(information + np.diag(precision))
        shrunk = precision[:, np.newaxis] * posterior
        # The Schur complement: the equations of the sets once the own parts are eliminated.
        reduced = np.diag(precision) - shrunk * precision
        self._solve_sets(reduced, np.einsum("nij,nj->ni", shrunk, information_vector))
        of_sets = self.sets @ self.set_vectors
        left = information_vector - np.einsum("nij,nj->ni", information, of_sets)
        self.own = np.einsum("nij,nj->ni", posterior, left)
        self.own_variance = np.ascontiguousarray(np.einsum("nii->ni", posterior))
        self.standing = of_sets + self.own
        # Covariance of the own part given the set, plus the set's uncertainty where the own part does not offset it.
        of_sets_variance = (self._squares[0] @ self._set_variance)[:, :, np.newaxis]
        self.covariance = posterior + np.matmul(shrunk.transpose(0, 2, 1), of_sets_variance * shrunk)

    def _normal_equations(
        self, standing: FloatArray, covariance: FloatArray, target: FloatArray, noise: np.float32
    ) -> tuple[FloatArray, FloatArray]:
        """Sums the other side's second moments, and targets times means, over each entity's ratings."""
        entities, width = self.own.shape
        vector = standing.copy()
        vector[:, -1] = 1
        # The uncertainty of the other side's factors; its bias is multiplied with nothing.
        unknown = covariance[:, :-1, :-1].reshape(len(covariance), -1)
        information = np.zeros((entities, width, width), np.float32)
        information[:, :-1, :-1] = (self._ratings @ unknown).reshape(entities, width - 1, width - 1)
        information_vector = np.zeros((entities, width), np.float32)
        for rows, rating, real in self._groups:
            met = vector[self._other[rating]] * real[:, :, np.newaxis]
            information[rows] += met.transpose(0, 2, 1) @ met
            information_vector[rows] = np.einsum("btk,bt->bk", met, target[rating])
        return information / noise, information_vector / noise

    def _solve_sets(self, reduced: FloatArray, information_vector: FloatArray) -> None:
        """Solves for the set vectors by conjugate gradients, preconditioned by the diagonal."""
        precision = 1 / self.set_prior
        diagonal = self._squares[1] @ np.ascontiguousarray(np.einsum("nii->ni", reduced)) + precision
        self._set_variance = (1 / diagonal).astype(np.float32)

        def times(x: FloatArray) -> FloatArray:
            return self._sets_transposed @ np.einsum("nij,nj->ni", reduced, self.sets @ x) + precision * x

        right = self._sets_transposed @ information_vector
        x = self.set_vectors
        rest = right - times(x)
        scaled = rest / diagonal
        direction, size = scaled, float(np.vdot(rest, scaled))
        enough = 1e-6 * float(np.vdot(right, right))
        for _ in range(_CONJUGATE_STEPS):
            if float(np.vdot(rest, rest)) <= enough:
                break
            moved = times(direction)
            step = np.float32(size / float(np.vdot(direction, moved)))
            x, rest = x + step * direction, rest - step * moved
            scaled = rest / diagonal
            before, size = size, float(np.vdot(rest, scaled))
            direction = scaled + np.float32(size / before) * direction
        self.set_vectors = x.astype(np.float32)

    def update_priors(self) -> None:
        """Sets the priors to their most probable values; one pseudo-entity of variance 1 keeps them from 0."""
        own = (self.own**2 + self.own_variance)[self._rated]
        self.prior = ((own.sum(axis=0) + 2) / (len(own) + 2)).astype(np.float32)
        sets = (self.set_vectors**2 + self._set_variance)[self._met]
        self.set_prior = ((sets.sum(axis=0) + 2) / (len(sets) + 2)).astype(np.float32)

    def believed(self, spread: float) -> tuple[Beliefs, FloatArray, tuple[float, ...]]:
        """Returns beliefs, set vectors and priors in units of ratings: factors scale with the root of the spread."""
        unit = np.full(self._width, np.sqrt(spread), np.float32)
        unit[-1] = spread
        prior = self.prior * unit**2
        variance = np.where(self._rated[:, np.newaxis], self.own_variance * unit**2, prior)
        set_vectors = self.set_vectors * unit
        set_sum = (self._ratings @ set_vectors).astype(np.float32)
        moved = np.zeros(len(self.count), bool)
        beliefs = Beliefs.at_rest(self.own * unit, variance, set_sum, self.count, moved)
        return beliefs, set_vectors, tuple(map(float, prior))


def _groups(
    own: npt.NDArray[np.int64], entities: int
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]]:
    """Groups entities by number of ratings: entities, positions of their ratings padded to one width, and the mask."""
    count, order = np.bincount(own, minlength=entities), np.argsort(own, kind="stable")
    first = np.cumsum(count) - count
    width = np.where(count, 1 << np.ceil(np.log2(np.maximum(count, 1))).astype(np.int64), 0)
    for padded in np.unique(width[width > 0]):
        chosen = np.flatnonzero(width == padded)
        for begin in range(0, len(chosen), max(int(_CELLS // padded), 1)):
            rows = chosen[begin : begin + max(int(_CELLS // padded), 1)]
            real = np.arange(padded) < count[rows, np.newaxis]
            rating = np.zeros(real.shape, np.int64)
            rating[real] = order[concatenated_ranges(first[rows], count[rows])]
            yield rows, rating, real


def _noise(left: FloatArray, sides: list[_SideFit], index: tuple[npt.NDArray[np.int64], ...]) -> np.float32:
    """Returns the noise variance: the expected squared residual over the posterior of both sides' factors."""
    total = 0.0
    for begin in range(0, len(left), _CELLS):
        part = slice(begin, begin + _CELLS)
        (user, of_user), (item, of_item) = (
            (side.standing[at[part]], side.covariance[at[part]]) for side, at in zip(sides, index, strict=True)
        )
        p, q, p_variance, q_variance = user[:, :-1], item[:, :-1], of_user[:, :-1, :-1], of_item[:, :-1, :-1]
        error = left[part] - user[:, -1] - item[:, -1] - np.einsum("nk,nk->n", p, q)
        variance_sum = of_user[:, -1, -1] + of_item[:, -1, -1] + np.einsum("nij,nij->n", p_variance, q_variance)
        for vector, of_other in ((p, q_variance), (q, p_variance)):
            variance_sum += np.einsum("ni,ni->n", vector, np.einsum("nij,nj->ni", of_other, vector))
        total += float(np.vdot(error, error)) + float(variance_sum.sum(dtype=np.float64))
    return np.float32(total / len(left))


def _fitted(sides: list[_SideFit], mean: float, spread: float, noise: float) -> FittedFactors:
    beliefs, set_vectors, priors = {}, {}, {}
    for name, side in zip(SIDES, sides, strict=True):
        beliefs[name], set_vectors[name], priors[name] = side.believed(spread)
    scale = FactorScale(mean, noise * spread**2, 0.0, 0.0, priors[Side.USER], priors[Side.ITEM])
    return FittedFactors(beliefs, set_vectors, scale)
