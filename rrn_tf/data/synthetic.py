"""Generates ratings from drifting preferences, so that the best achievable RMSE is known.

Every user and item has a bias and latent factors. A part of each is constant; the rest follows a
mean-reverting random walk (Ornstein-Uhlenbeck) over days. A user's past therefore predicts the
future, and the recent past predicts it better.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from rrn_tf.data.arrays import root_mean_square
from rrn_tf.data.rows import segment_starts, time_order

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

START = 1_104_537_600  # 2005-01-01 UTC
_DAY = 86_400
_PACE = 20.0  # seconds between two ratings of a session


@dataclass(frozen=True)
class SyntheticConfig:
    """Settings of the generator.

    Attributes:
      users, items, ratings: number of each; no user rates an item twice.
      days: length of the period.
      factors: number of latent factors of a user and an item.
      mean: mean of the ratings.
      signal: standard deviation of the predictable part; 0 gives pure noise.
      bias_share: fraction of the signal's variance in user and item biases, half each; the rest is in the factors.
      drift: fraction of each bias's and factor's variance that drifts; 0 is static.
      static: the same as `drift=0`, by name.
      drift_days: time constant after which a drifting part has kept 1/e of its deviation.
      noise: standard deviation of the unpredictable part.
      user_skew, item_skew: Zipf exponents of activity and popularity.
      sitting: mean number of ratings of a user on a day (UTC) with any: they form one session, seconds apart. Limited
        by the numbers of days and ratings; 1 draws the time of every rating independently.
      late_users, late_items: fraction that arrives during the period; the others exist from day 0.
      rating_step: ratings are rounded to multiples of this and clipped; 0 keeps real numbers.
      rating_min, rating_max: clipping bounds; used only with a rating step.
      seed: of all random numbers.
    """

    users: int = 1_000
    items: int = 400
    ratings: int = 50_000
    days: int = 360
    factors: int = 4
    mean: float = 3.5
    signal: float = 1.0
    bias_share: float = 0.6
    drift: float = 0.7
    static: bool = False
    drift_days: float = 60.0
    noise: float = 0.5
    user_skew: float = 0.6
    item_skew: float = 0.8
    sitting: float = 1.0
    late_users: float = 0.5
    late_items: float = 0.2
    rating_step: float = 0.0
    rating_min: float = 0.5
    rating_max: float = 5.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("users", "items", "ratings", "days", "factors", "sitting"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} should be at least 1, found {getattr(self, name)}")
        for name in ("bias_share", "drift", "late_users", "late_items"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} should be between 0 and 1, found {getattr(self, name)}")
        for name in ("signal", "noise", "user_skew", "item_skew", "rating_step", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} should not be negative, found {getattr(self, name)}")
        if self.drift_days <= 0:
            raise ValueError(f"drift_days should be positive, found {self.drift_days}")
        if self.rating_min >= self.rating_max:
            raise ValueError(f"rating_min should be below rating_max, found {self.rating_min} and {self.rating_max}")
        if self.ratings > 0.5 * self.users * self.items:
            raise ValueError(f"ratings should be at most half of users x items, found {self.ratings}")


@dataclass(frozen=True)
class SyntheticRatings:
    """Generated ratings in order of time, with their true means.

    Attributes:
      user, item: int32[N], 0-based; `user_id` and `item_id` are their names.
      rating: float32[N].
      timestamp: int64[N], unix seconds.
      expected: float32[N], the mean of each rating given the latent factors that produced it.
    """

    user: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    rating: npt.NDArray[np.float32]
    timestamp: npt.NDArray[np.int64]
    expected: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rating)

    @property
    def user_id(self) -> npt.NDArray[np.object_]:
        """Ids such as "u17", object[N]."""
        return names("u", self.user)

    @property
    def item_id(self) -> npt.NDArray[np.object_]:
        """Ids such as "i4", object[N]."""
        return names("i", self.item)

    def best_rmse(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.integer] | slice = slice(None)) -> float:
        """Computes the RMSE on these rows of a predictor that knows the latent factors: the least to expect."""
        return root_mean_square(self.rating[rows].astype(np.float64) - self.expected[rows])


def generate(config: SyntheticConfig) -> SyntheticRatings:
    """Generates ratings: mean + b_u(t) + b_i(t) + <p_u(t), q_i(t)> + noise.

    Args:
      config: settings of the generator.

    Returns:
      `config.ratings` ratings in order of time; equal for equal settings.
    """
    rng = np.random.default_rng(config.seed)
    user, item, timestamp = _events(config, rng)
    expected = _expected(config, rng, user, item, (timestamp - START) // _DAY)
    latent = expected + np.float32(config.noise) * rng.standard_normal(len(user), np.float32)
    if not config.rating_step:
        return SyntheticRatings(user, item, latent, timestamp, expected)
    levels = np.arange(config.rating_min, config.rating_max + config.rating_step / 2, config.rating_step)
    borders = (levels[1:] + levels[:-1]) / 2
    rating = levels[np.searchsorted(borders, latent)].astype(np.float32)
    return SyntheticRatings(user, item, rating, timestamp, _rounded_mean(expected, levels, borders, config.noise))


def _events(
    config: SyntheticConfig, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Draws users, items and times of ratings, in order of time; no pair occurs twice, or before both have arrived."""
    period = config.days * _DAY
    user_arrival = _arrivals(rng, config.users, config.late_users, period)
    item_arrival = _arrivals(rng, config.items, config.late_items, period)
    user_weight = zipf_weights(rng, config.users, config.user_skew)
    item_weight = zipf_weights(rng, config.items, config.item_skew)
    pairs = np.empty(0, np.int64)
    times = np.empty(0, np.int64)
    flatness = 1.0
    while len(pairs) < config.ratings:
        missing = int((config.ratings - len(pairs)) * 1.2) + 64
        drawn_user = draw(rng, user_weight**flatness, missing)
        drawn_item = draw(rng, item_weight**flatness, missing)
        arrival = np.maximum(user_arrival[drawn_user], item_arrival[drawn_item])
        time = arrival + (rng.random(missing) * (period - arrival)).astype(np.int64)
        pairs = np.concatenate([pairs, drawn_user * config.items + drawn_item])
        times = np.concatenate([times, time])
        _, first = np.unique(pairs, return_index=True)
        first.sort()
        pairs, times = pairs[first], times[first]
        # Popular pairs run out in dense data: later passes draw more evenly, so that the loop ends.
        flatness *= 0.8
    pairs, times = pairs[: config.ratings], times[: config.ratings]
    user, item = (part.astype(np.int32) for part in np.divmod(pairs, config.items))
    if config.sitting > 1:
        times = _in_sittings(config.sitting, rng, user, item, times)
    order = np.argsort(times, kind="stable")
    return user[order], item[order], START + times[order]


def _in_sittings(
    mean: float,
    rng: np.random.Generator,
    user: npt.NDArray[np.int32],
    item: npt.NDArray[np.int32],
    time: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Moves each user's ratings to fewer days and close together; `time` counts seconds from a midnight."""
    order = time_order(user, time, item)
    count, own = len(order), user[order]
    first = segment_starts(own, time[order] // _DAY)
    users = segment_starts(own)
    # Days that begin a session are drawn to give the wanted mean; other days are joined to the user's preceding day.
    kept = (count / mean - len(users)) / max(len(first) - len(users), 1)
    first = first[(rng.random(len(first)) < kept) | np.isin(first, users, assume_unique=True)]
    size = np.diff(first, append=count)
    # All ratings move to the latest one of the session: by then the user and the items have arrived.
    start = time[order[first + size - 1]]
    pace = np.minimum(_PACE, (_DAY - 1 - start % _DAY) / size)
    place = np.arange(count) - np.repeat(first, size)
    moved = np.empty_like(time)
    moved[order] = np.repeat(start, size) + (place * np.repeat(pace, size)).astype(np.int64)
    return moved


def _expected(
    config: SyntheticConfig,
    rng: np.random.Generator,
    user: npt.NDArray[np.int32],
    item: npt.NDArray[np.int32],
    day: npt.NDArray[np.int64],
) -> npt.NDArray[np.float32]:
    """Computes the noise-free ratings of rows in order of day."""
    bias = np.float32(config.signal * math.sqrt(config.bias_share / 2))
    taste = np.float32(config.signal * math.sqrt((1 - config.bias_share) / config.factors))
    users = _Drift(config, rng, config.users)
    items = _Drift(config, rng, config.items)
    expected = np.empty(len(user), np.float32)
    borders = np.searchsorted(day, np.arange(config.days + 1))
    for start, end in itertools.pairwise(borders):
        rows = slice(start, end)
        u, m = users.value(user[rows]), items.value(item[rows])
        expected[rows] = bias * (u[:, 0] + m[:, 0]) + taste * np.einsum("nk,nk->n", u[:, 1:], m[:, 1:])
        users.next_day()
        items.next_day()
    return expected + np.float32(config.mean)


class _Drift:
    """Bias and factors of all entities of a side on the current day: `[entities, 1 + factors]`, of unit variance."""

    def __init__(self, config: SyntheticConfig, rng: np.random.Generator, entities: int) -> None:
        shape = (entities, 1 + config.factors)
        self._drift = 0.0 if config.static else config.drift
        self._keep = np.float32(math.exp(-1 / config.drift_days))
        self._rng = rng
        self._fixed = rng.standard_normal(shape, np.float32) * np.float32(math.sqrt(1 - self._drift))
        self._moving = rng.standard_normal(shape, np.float32) if self._drift else None

    def value(self, entities: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
        if self._moving is None:
            return self._fixed[entities]
        return self._fixed[entities] + np.float32(math.sqrt(self._drift)) * self._moving[entities]

    def next_day(self) -> None:
        if self._moving is not None:
            self._moving *= self._keep
            shock = self._rng.standard_normal(self._moving.shape, np.float32)
            shock *= np.sqrt(1 - self._keep**2)
            self._moving += shock


def _arrivals(rng: np.random.Generator, entities: int, late: float, period: int) -> npt.NDArray[np.int64]:
    arrival = rng.random(entities) * period * (rng.random(entities) < late)
    # At least one entity exists from the start, so that ratings are possible on every day.
    arrival[rng.integers(entities)] = 0
    return arrival.astype(np.int64)


def zipf_weights(rng: np.random.Generator, entities: int, exponent: float) -> npt.NDArray[np.float64]:
    """Draws Zipf weights float64[entities] in random order, so that an index is independent of popularity."""
    # The offset bounds the weight of the few most frequent entities, as in real logs.
    return rng.permutation((np.arange(entities) + 1 + entities / 200) ** -exponent)


def draw(rng: np.random.Generator, weight: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.int64]:
    """Draws `size` indices with these weights, with replacement: int64[size]."""
    total = np.cumsum(weight)
    # Sorted uniform numbers walk the table in order, which is much faster; the shuffle removes the order again.
    drawn = np.searchsorted(total, np.sort(rng.random(size)) * total[-1], side="right")
    rng.shuffle(drawn)
    return np.minimum(drawn, len(weight) - 1)


def names(prefix: str, index: npt.NDArray[np.int32]) -> npt.NDArray[np.object_]:
    """Returns ids such as "u17" for indices from 0: object[N]."""
    known = np.array([f"{prefix}{k}" for k in range(int(index.max(initial=-1)) + 1)], dtype=object)
    return known[index]


def _rounded_mean(
    mean: npt.NDArray[np.float32],
    levels: npt.NDArray[np.float64],
    borders: npt.NDArray[np.float64],
    noise: float,
) -> npt.NDArray[np.float32]:
    """Computes the mean of a normal variable after rounding and clipping to the levels, which shift it."""
    if noise == 0:
        return levels[np.searchsorted(borders, mean)].astype(np.float32)
    grid = np.linspace(-8, 8, 8001)
    normal = np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in grid])
    rounded = np.full(len(mean), levels[0])
    for border, gap in zip(borders, np.diff(levels), strict=True):
        rounded += gap * np.interp((mean - border) / noise, grid, normal)
    return rounded.astype(np.float32)


AnyConfig = TypeVar("AnyConfig", bound="DataclassInstance")


def config_from_text(
    text: str,
    kind: type[AnyConfig] = SyntheticConfig,  # type: ignore[assignment]
    what: str = "synthetic ratings",
) -> AnyConfig:
    """Reads settings from text such as ``users=1000,ratings=50000,seed=1``; missing ones take their defaults.

    Args:
      text: the options.
      kind: the class of the settings, a dataclass with defaults.
      what: what the settings generate, for error messages.

    Raises:
      ValueError: for an unknown name or a value of the wrong type, in one line.
    """
    known = {name: type(default) for name, default in dataclasses.asdict(kind()).items()}
    values: dict[str, int | float | bool] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        if name not in known:
            raise ValueError(f"expected an option of {what} ({', '.join(known)}), found {part!r}")
        try:
            values[name] = {"true": True, "false": False}[value.lower()] if known[name] is bool else known[name](value)
        except (KeyError, ValueError):
            raise ValueError(f"{name} should be of type {known[name].__name__}, found {value!r}") from None
    return kind(**values)
