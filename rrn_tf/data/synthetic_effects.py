"""Generates ratings with the phenomena of the RRN paper, each of a known size, so that a report can be held to them.

A rating is the sum of a mean, constant biases of its user and item, the user's taste in the item's kind, noise, and of
these effects, each switched by the setting of its name:

- `award`: an item that wins an award is rated higher from then on, by `award` at first; this fades.
- `age`: a new item is rated lower, by `age` at first; this passes as the item ages.
- `scale`: from one day on, all ratings are higher by `scale`, as if the labels of the scale had been changed.
- `season`: all ratings follow the time of the year, from `season` above to `season` below the mean.
- `taste`: the taste of some users turns to its opposite; it is `taste` in either direction.

Reference:
  Wu et al., Recurrent Recommender Networks, WSDM 2017, Section 4.3 (award, age, scale, season).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.items import TITLE, YEAR
from rrn_tf.data.synthetic import START, SyntheticRatings, names
from rrn_tf.features import ITEM_ID

_DAY = 86_400
_NEVER = int(np.iinfo(np.int64).max)
_YEAR = 365.25
KINDS = ("drama", "comedy")
EFFECTS = ("award", "age", "scale", "season", "taste")


@dataclass(frozen=True)
class SyntheticEffectsConfig:
    """Settings of the generator. An effect of size 0 is not there; all sizes are in units of ratings.

    Attributes:
      users, items, ratings: number of each; no user rates an item twice.
      days: length of the period.
      mean: mean of the ratings.
      bias: standard deviation of the users' and of the items' biases.
      noise: standard deviation of the unpredictable part.
      award: what an award adds at first.
      award_days: time after which 1/e of that is left.
      award_share: fraction of the items with an award, each on a day of its own in the middle half of the period.
      age: what an item lacks at first.
      age_days: time after which 1/e of that is left.
      new_share: fraction of the items that are released within the period, evenly over it; the others are old.
      scale: what is added to all ratings from one day on.
      scale_at: that day, as a fraction of the period.
      season: amplitude of the yearly cycle, which is highest on 1 January.
      taste: size of each user's preference for one of two kinds of items over the other: half of it in favour of the
        one and half against the other.
      turn_share: fraction of the users whose taste turns to its opposite.
      turn_at: when, as a fraction of the period.
      seed: of all random numbers.
    """

    users: int = 500
    items: int = 100
    ratings: int = 25_000
    days: int = 730
    mean: float = 3.0
    bias: float = 0.3
    noise: float = 0.4
    award: float = 1.0
    award_days: float = 150.0
    award_share: float = 0.2
    age: float = 1.0
    age_days: float = 90.0
    new_share: float = 0.5
    scale: float = 0.6
    scale_at: float = 0.5
    season: float = 0.3
    taste: float = 2.0
    turn_share: float = 0.3
    turn_at: float = 0.7
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("users", "items", "ratings", "days"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} should be at least 1, found {getattr(self, name)}")
        for name in ("award_share", "new_share", "scale_at", "turn_share", "turn_at"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} should be between 0 and 1, found {getattr(self, name)}")
        for name in ("bias", "noise", *EFFECTS, "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} should not be negative, found {getattr(self, name)}")
        for name in ("award_days", "age_days"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} should be positive, found {getattr(self, name)}")
        if self.ratings > 0.6 * self.users * self.items:
            raise ValueError(f"ratings should be at most 0.6 of users x items, found {self.ratings}")


@dataclass(frozen=True)
class SyntheticEffects(SyntheticRatings):
    """Generated ratings in order of time, with what produced them.

    Attributes:
      config: the settings.
      released: int64[I], unix seconds; that of an old item is before the period.
      awarded: int64[I], unix seconds of each item's award; the largest number if it has none.
      kind: int8[I], index in `KINDS`.
      turns: bool[U], whether a user's taste turns.
      taste: float32[U], each user's preference for the first kind over the second, before it turns.
    """

    config: SyntheticEffectsConfig
    released: npt.NDArray[np.int64]
    awarded: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int8]
    turns: npt.NDArray[np.bool_]
    taste: npt.NDArray[np.float32]

    @property
    def changed_at(self) -> int:
        """Unix seconds of the change of the scale."""
        return _moment(self.config, self.config.scale_at)

    @property
    def turned_at(self) -> int:
        """Unix seconds at which tastes turn."""
        return _moment(self.config, self.config.turn_at)

    @property
    def events(self) -> pd.DataFrame:
        """The awards: item_id, date and name, as a report's table of events."""
        winners = np.flatnonzero(self.awarded < _NEVER)
        date = pd.to_datetime(self.awarded[winners], unit="s").strftime("%Y-%m-%d")
        return pd.DataFrame({ITEM_ID: names("i", winners.astype(np.int32)), "date": date, "name": "award"})

    @property
    def items(self) -> pd.DataFrame:
        """The items: item_id, title, year of release and kind, as a report's table of items."""
        item = np.arange(len(self.kind), dtype=np.int32)
        return pd.DataFrame(
            {
                ITEM_ID: names("i", item),
                TITLE: names("Item ", item),
                YEAR: pd.to_datetime(self.released, unit="s").year,
                "kind": np.array(KINDS, object)[self.kind],
            }
        )


def generate_effects(config: SyntheticEffectsConfig) -> SyntheticEffects:
    """Generates the ratings; equal for equal settings.

    Effects differ in size alone: with an effect of size 0 users, items, times and noise are the same.
    """
    rng = np.random.default_rng(config.seed)
    period = config.days * _DAY
    item_numbers = rng.permutation(config.items)
    new = item_numbers < config.new_share * config.items
    # Evenly over the first nine tenths: what comes later is hardly rated.
    released = np.where(new, item_numbers / max(config.new_share * config.items, 1) * 0.9 * period, -1)
    released = np.where(new, released, -rng.uniform(2, 30, config.items) * _YEAR * _DAY).astype(np.int64)
    winners = rng.permutation(config.items) < config.award_share * config.items
    awarded = (rng.uniform(0.25, 0.75, config.items) * period).astype(np.int64) // _DAY * _DAY
    # An item wins no award before it is released.
    winners &= awarded > released
    kind = (rng.permutation(config.items) % 2).astype(np.int8)
    turns = rng.permutation(config.users) < config.turn_share * config.users
    direction = np.where(rng.permutation(config.users) % 2, 1.0, -1.0)
    user_bias, item_bias = (config.bias * rng.standard_normal(n) for n in (config.users, config.items))

    user, item, time = _events(config, rng, released)
    sign = direction[user] * np.where(turns[user] & (time >= _moment(config, config.turn_at) - START), -1, 1)
    expected = config.mean + user_bias[user] + item_bias[item]
    expected += config.taste / 2 * sign * np.where(kind[item] == 0, 1, -1)
    since = np.where(winners[item], time - awarded[item], -1) / _DAY
    expected += config.award * np.where(since >= 0, np.exp(-np.maximum(since, 0) / config.award_days), 0)
    expected -= config.age * np.exp(-(time - released[item]) / _DAY / config.age_days)
    expected += config.scale * (time >= _moment(config, config.scale_at) - START)
    expected += config.season * np.cos(2 * np.pi * time / (_YEAR * _DAY))
    rating = expected + config.noise * rng.standard_normal(len(user))
    return SyntheticEffects(
        user.astype(np.int32),
        item.astype(np.int32),
        rating.astype(np.float32),
        START + time,
        expected.astype(np.float32),
        config,
        START + released,
        np.where(winners, START + awarded, _NEVER),
        kind,
        turns,
        (config.taste * direction).astype(np.float32),
    )


def _events(
    config: SyntheticEffectsConfig, rng: np.random.Generator, released: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draws distinct pairs of users and items, with times in order, in seconds since the start."""
    period = config.days * _DAY
    user, item = np.divmod(rng.permutation(config.users * config.items)[: config.ratings], config.items)
    begin = np.maximum(released[item], 0)
    time = begin + (rng.random(config.ratings) * (period - begin)).astype(np.int64)
    order = np.argsort(time, kind="stable")
    return user[order], item[order], time[order]


def _moment(config: SyntheticEffectsConfig, fraction: float) -> int:
    """Returns the midnight at a fraction of the period, in unix seconds."""
    return START + int(fraction * config.days) * _DAY
