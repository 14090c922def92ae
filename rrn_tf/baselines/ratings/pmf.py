"""Probabilistic matrix factorisation, fitted by cyclic coordinate descent (CCD++).

Needs only numpy: the pretraining of RRN's stationary factors calls `fit_pmf` too.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rrn_tf.baselines.ratings.protocol import Baseline, validation_rmse
from rrn_tf.data.interactions import Interactions
from rrn_tf.slow_work import each

FloatArray = npt.NDArray[np.float32]

_INITIAL_SCALE = 0.1
_TINY = np.float32(1e-12)  # leaves the factors of an entity without ratings at zero
# The fewest ratings of a block: temporaries of this size stay in the cache of one core.
_BLOCK = 1 << 16


def fit_pmf(
    user: npt.NDArray[np.integer],
    item: npt.NDArray[np.integer],
    rating: npt.NDArray[np.floating],
    num_users: int,
    num_items: int,
    factors: int,
    l2: float,
    iterations: int,
    seed: int = 0,
) -> tuple[FloatArray, FloatArray]:
    """Fits factors that minimise sum (r - <u_i, m_j>)^2 + l2 (sum n_i |u_i|^2 + sum n_j |m_j|^2).

    Args:
      user, item: int[N], entity indices from 1; ratings of the unknown entity 0 are left out.
      rating: float[N]; subtract a mean beforehand if the factors should not include it.
      num_users, num_items: largest index of each side.
      factors: k, number of factors.
      l2: weight of the regulariser, which counts each entity as often as it has ratings.
      iterations: sweeps over all factors.
      seed: seed of the initial item factors.

    Returns:
      `(U, V)`: float32[num_users + 1, k] and float32[num_items + 1, k]. Row 0 and the rows of
      entities without a rating are zero.

    Raises:
      ValueError: for columns of different lengths or an option out of range.

    Reference:
      Yu, Hsieh, Si and Dhillon, ICDM 2012, Algorithm 2 (LIBPMF); the weighted regulariser is their Eq. 1.
    """
    if iterations < 1:
        raise ValueError(f"iterations should be at least 1, received {iterations}")
    sweeps = iterate_pmf(user, item, rating, num_users, num_items, factors, l2, seed)
    return next(itertools.islice(sweeps, iterations - 1, None))


def iterate_pmf(
    user: npt.NDArray[np.integer],
    item: npt.NDArray[np.integer],
    rating: npt.NDArray[np.floating],
    num_users: int,
    num_items: int,
    factors: int,
    l2: float,
    seed: int = 0,
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yields a copy of the factors after each sweep of `fit_pmf`, without end."""
    if not len(user) == len(item) == len(rating):
        raise ValueError(f"columns should have one length, received {len(user)}, {len(item)} and {len(rating)}")
    if factors < 0 or l2 < 0:
        raise ValueError(f"factors and l2 should not be negative, received {factors} and {l2}")
    table = _Table(user, item, rating, num_users, num_items)
    u = np.zeros((factors, num_users + 1), np.float32)
    v = np.random.default_rng(seed).standard_normal((factors, num_items + 1), np.float32)
    # The first factor starts at the root of the mean; the others start small, so that early sweeps can shrink them.
    v *= np.float32(_INITIAL_SCALE * table.spread / np.sqrt(max(factors, 1)))
    v[:1] += np.sqrt(np.abs(table.mean))
    v[:, table.item_count == 0] = 0
    while True:
        for factor in range(factors):
            table.update(u[factor], v[factor], np.float32(l2))
        yield u.T.copy(), v.T.copy()


@dataclass(frozen=True)
class PMFOptions:
    """The options that a fitted `PMF` chose, and its validation RMSE (NaN without validation ratings)."""

    factors: int
    l2: float
    centre: bool
    iterations: int
    valid_rmse: float = float("nan")


class PMF:
    """Probabilistic matrix factorisation; options with several values are chosen on the validation ratings.

    The search is a coordinate descent over the grid: first the regulariser, with the fewest factors; then half a decade
    around the best one; then more factors, for as long as they help. Every trial stops at its best iteration.

    Args:
      factors, l2: one value, or the grid to choose from; the default grids are those of the paper.
      iterations: number of sweeps; None chooses the best on validation, at most `max_iterations`.
      centre: whether the training mean is subtracted first; None tries both. It is part of the name.
      max_iterations: the most sweeps of a trial.
      patience: number of sweeps without a better validation RMSE after which a trial ends.
      seed: seed of the initial factors.

    Example:
      >>> model = PMF(factors=2, l2=0.1).fit(train, valid)
      >>> len(model.predict(test.user, test.item, test.timestamp)) == len(test)
      True

    Reference:
      Salakhutdinov and Mnih, NIPS 2008; grids as in Wu et al., WSDM 2017, Section 4.1.
    """

    paper_factors = (20, 40, 80, 160)
    paper_l2 = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)

    def __init__(
        self,
        factors: int | Sequence[int] = paper_factors,
        l2: float | Sequence[float] = paper_l2,
        iterations: int | None = None,
        centre: bool | None = None,
        max_iterations: int = 30,
        patience: int = 3,
        seed: int = 0,
    ) -> None:
        self._factors = sorted([factors] if isinstance(factors, int) else factors)
        self._l2 = sorted([l2] if isinstance(l2, (int, float)) else l2, reverse=True)
        self.name = "PMF" if centre is None else f"PMF {'centred' if centre else 'raw'}"
        self._centre = (False, True) if centre is None else (centre,)
        self._iterations, self._limit, self._patience, self._seed = iterations, max_iterations, patience, seed
        if not self._factors or not self._l2:
            raise ValueError("factors and l2 should have at least one value, received an empty grid")
        self.options: PMFOptions | None = None

    def fit(self, train: Interactions, valid: Interactions) -> PMF:
        """Fits the factors and sets `options` to the best trial's."""
        self._mean = float(train.rating.mean(dtype=np.float64)) if len(train) else 0.0
        self.options = None
        if not len(valid):
            self._fit_without_validation(train)
            return self
        fewest = self._factors[0]
        for centre in self._centre:
            best, worse = np.inf, 0
            for l2 in self._l2:
                found = self._trial(train, valid, fewest, l2, centre)
                worse = 0 if found < best else worse + 1
                best = min(best, found)
                if worse == 2:
                    break
        chosen = self._chosen()
        if len(self._l2) > 1:
            for l2 in (chosen.l2 * 10**0.5, chosen.l2 / 10**0.5):
                self._trial(train, valid, fewest, l2, chosen.centre)
        for factors in self._factors[1:]:
            chosen = self._chosen()
            if self._trial(train, valid, factors, chosen.l2, chosen.centre) > chosen.valid_rmse:
                break
        return self

    def predict(
        self,
        user: npt.NDArray[np.integer],
        item: npt.NDArray[np.integer],
        timestamp: npt.NDArray[np.integer] | None = None,
    ) -> FloatArray:
        """Predicts ratings: float32[N], the training mean if either entity is unknown."""
        centre = self._chosen().centre
        return self._product(self._u, self._v, centre, user, item)

    @property
    def num_parameters(self) -> int:
        """Number of values that the fitted model stores."""
        return self._u[1:].size + self._v[1:].size + 1

    def _chosen(self) -> PMFOptions:
        if self.options is None:
            raise RuntimeError("PMF should be fitted before it is used")
        return self.options

    def _fit_without_validation(self, train: Interactions) -> None:
        # This is 0.1 in the paper's grid, which is seldom far from the best.
        l2 = self._l2[min(1, len(self._l2) - 1)]
        options = PMFOptions(self._factors[0], l2, self._centre[-1], self._iterations or 10)
        self._u, self._v = fit_pmf(
            train.user,
            train.item,
            train.rating - self._mean * options.centre,
            train.num_users,
            train.num_items,
            options.factors,
            options.l2,
            options.iterations,
            self._seed,
        )
        self.options = options

    def _trial(self, train: Interactions, valid: Interactions, factors: int, l2: float, centre: bool) -> float:
        """Fits one setting, keeps the factors if they are the best so far, and returns its validation RMSE."""
        rating = train.rating - np.float32(self._mean * centre)
        limit = self._iterations or self._limit
        best, best_at, last = np.inf, 0, np.inf
        sweeps = iterate_pmf(train.user, train.item, rating, train.num_users, train.num_items, factors, l2, self._seed)
        for iteration, (u, v) in enumerate(each(itertools.islice(sweeps, limit), "sweeps, at most", limit), 1):
            if self._iterations and iteration < limit:
                continue
            found = validation_rmse(train, valid, self._product(u, v, centre, valid.user, valid.item))
            if found < best:
                best, best_at = found, iteration
            if self.options is None or found < self.options.valid_rmse:
                self.options = PMFOptions(factors, l2, centre, iteration, found)
                self._u, self._v = u, v
            # The trial ends if even the last sweep's gain in every remaining sweep would not reach the best setting.
            out_of_reach = iteration >= 5 and found - (limit - iteration) * (last - found) > self.options.valid_rmse
            if iteration - best_at >= self._patience or out_of_reach:
                break
            last = found
        return best

    def _product(
        self,
        u: FloatArray,
        v: FloatArray,
        centre: bool,
        user: npt.NDArray[np.integer],
        item: npt.NDArray[np.integer],
    ) -> FloatArray:
        known = u.any(axis=1)[user] & v.any(axis=1)[item]
        product = np.einsum("nk,nk->n", u[user], v[item])
        return np.where(known, product + np.float32(self._mean * centre), np.float32(self._mean))


class _Table:
    """The ratings sorted by user, with the residuals of the current fit.

    One order serves both sides: a user's ratings are a segment (`reduceat`), while the sums (`bincount`) and factors of
    items are few enough to stay in cache.
    """

    def __init__(
        self,
        user: npt.NDArray[np.integer],
        item: npt.NDArray[np.integer],
        rating: npt.NDArray[np.floating],
        num_users: int,
        num_items: int,
    ) -> None:
        user, item, rating = np.asarray(user), np.asarray(item), np.asarray(rating)
        known = (user > 0) & (item > 0)
        if not (known.all() and (user[1:] >= user[:-1]).all()):
            order = np.flatnonzero(known)
            order = order[np.argsort(user[order], kind="stable")]
            user, item, rating = user[order], item[order], rating[order]
        self.user = user.astype(np.int32, copy=False)
        self.item = item.astype(np.int32, copy=False)
        self.residual = rating.astype(np.float32)  # a copy, which is changed in place
        self.mean = np.float32(self.residual.mean()) if len(user) else np.float32(0)
        self.spread = np.sqrt(self.residual.std()) if len(user) else np.float32(0)
        self.user_count = np.bincount(self.user, minlength=num_users + 1).astype(np.float32)
        self.item_count = np.bincount(self.item, minlength=num_items + 1).astype(np.float32)
        starts = np.flatnonzero(np.diff(self.user, prepend=0))
        # Blocks end where a user's segment ends, so that a block can update its own users. A block has at least as many
        # ratings as there are items, since the sums of all items are updated once a block.
        block = max(_BLOCK, num_items)
        wanted = np.arange(0, len(self.user), block)
        cuts = np.unique(np.append(np.searchsorted(starts, wanted), len(starts)))
        ends = np.append(starts, len(self.user))
        self.blocks = [(slice(ends[a], ends[b]), starts[a:b] - ends[a]) for a, b in itertools.pairwise(cuts)]

    def update(self, u: FloatArray, v: FloatArray, l2: np.float32) -> None:
        """Refits one factor of all users, then of all items, and updates the residuals, all in place."""
        numerator = np.zeros(len(v))
        denominator = np.zeros(len(v))
        for rows, starts in self.blocks:
            user, item = self.user[rows], self.item[rows].astype(np.intp)
            mine = user[starts]
            v_row = v[item]
            target = self.residual[rows]  # a view, which becomes the residual without this factor
            target += u[user] * v_row
            u[mine] = np.add.reduceat(target * v_row, starts) / (
                l2 * self.user_count[mine] + np.add.reduceat(v_row * v_row, starts) + _TINY
            )
            u_row = u[user]
            numerator += np.bincount(item, target * u_row, len(v))
            denominator += np.bincount(item, u_row * u_row, len(v))
        v[:] = numerator / (l2 * self.item_count + denominator + _TINY)
        for rows, _ in self.blocks:
            self.residual[rows] -= u[self.user[rows]] * v[self.item[rows]]


def standard(seed: int) -> list[Baseline]:
    """The leaderboard's."""
    return [PMF(centre=centre, seed=seed) for centre in (False, True)]
