"""Generates events of users with individual habits, so that the best achievable loss is known.

Items form clusters. A user visits a few of them, drawn by the weights of the user's group, and moves between them by an
individual second-order Markov chain: the next cluster depends on the last two events, and differently for each user.
Within a cluster items are drawn by popularity and individual preference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from rrn_tf.data.synthetic import START, names

_DAY = 86_400
_CHAIN, _FIRST_ORDER = 0.95, 0.7  # weight of the chain against uniform noise, and of its first-order part
_SPREAD = 0.15  # Dirichlet parameter of the chains: few clusters can follow each cluster
_GROUP_SPREAD = 0.3  # Dirichlet parameter of the groups' weights of clusters

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SyntheticEventsConfig:
    """Settings of the generator.

    Attributes:
      users, items, events: number of each.
      clusters: number of clusters of items.
      user_clusters: number of clusters that one user visits.
      groups: number of groups of users; a user's clusters are drawn by the group's weights.
      taste: 0 if all users prefer the same items of a cluster, else the shape of gamma-distributed own preferences.
      length_spread: standard deviation of the logarithm of a user's number of events; 0 gives all users the same.
      days: length of the period.
      seed: of all random numbers.
    """

    users: int = 200
    items: int = 2_000
    events: int = 60_000
    clusters: int = 40
    user_clusters: int = 8
    groups: int = 4
    taste: float = 0.0
    length_spread: float = 0.0
    days: int = 360
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("users", "items", "events", "clusters", "user_clusters", "groups", "days"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} should be at least 1, found {getattr(self, name)}")
        for name in ("taste", "length_spread", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} should not be negative, found {getattr(self, name)}")
        for name, limit in (("user_clusters", "clusters"), ("clusters", "items"), ("users", "events")):
            if getattr(self, name) > getattr(self, limit):
                raise ValueError(
                    f"{name} should be at most {limit}, found {getattr(self, name)} and {getattr(self, limit)}"
                )


@dataclass(frozen=True)
class SyntheticEvents:
    """Generated events in order of user and time, with their true loss.

    Attributes:
      user, item: int32[N], 0-based; `user_id` and `item_id` are their names.
      timestamp: int64[N], unix seconds, increasing within a user.
      nll: float32[N], negative logarithm of the probability of each event, in nats.
    """

    user: npt.NDArray[np.int32]
    item: npt.NDArray[np.int32]
    timestamp: npt.NDArray[np.int64]
    nll: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.item)

    @property
    def user_id(self) -> npt.NDArray[np.object_]:
        """Ids such as "u17", object[N]."""
        return names("u", self.user)

    @property
    def item_id(self) -> npt.NDArray[np.object_]:
        """Ids such as "i4", object[N]."""
        return names("i", self.item)


def generate_events(config: SyntheticEventsConfig) -> SyntheticEvents:
    """Generates events.

    Args:
      config: settings of the generator.

    Returns:
      `config.events` events in order of user and time; equal for equal settings.
    """
    rng = np.random.default_rng(config.seed)
    length = draw_lengths(rng, config.users, config.events, config.length_spread)
    clusters = _clusters_of_users(config, rng)
    slot, chance = _chains(config, rng, length)
    user = np.repeat(np.arange(config.users, dtype=np.int32), length)
    item, within_cluster = _items(config, rng, user, slot, clusters)
    timestamp = draw_times(rng, length, config.days)
    return SyntheticEvents(user, item, timestamp, -np.log(chance * within_cluster).astype(np.float32))


def mean_by_user(user: npt.NDArray[np.generic], loss: npt.NDArray[np.floating]) -> float:
    """Computes the paper's metric: the mean over users of the mean over each user's events."""
    by_user = pd.Series(loss.astype(np.float64)).groupby(user).mean()
    return float(by_user.mean())


def draw_lengths(
    rng: np.random.Generator, users: int, events: int, spread: float, least: int = 1
) -> npt.NDArray[np.int64]:
    """Draws log-normal numbers of events of users: int64[users], each at least `least`, with the sum `events`."""
    weight = np.exp(spread * rng.standard_normal(users))
    free = events - least * users
    border = np.floor(np.cumsum(weight) / weight.sum() * free).astype(np.int64)
    border[-1] = free
    return least + np.diff(border, prepend=0)


def _clusters_of_users(config: SyntheticEventsConfig, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draws int64[users, user_clusters], distinct clusters of each user, by the weights of the user's group."""
    weight = rng.dirichlet(np.full(config.clusters, _GROUP_SPREAD), config.groups) + 1e-3
    own = weight[rng.integers(config.groups, size=config.users)]
    # The largest perturbed log-weights are a draw without replacement (the Gumbel trick).
    return np.argsort(-(np.log(own) + rng.gumbel(size=own.shape)), axis=1)[:, : config.user_clusters]


def _chains(
    config: SyntheticEventsConfig, rng: np.random.Generator, length: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Draws the number of each event's cluster among its user's clusters, with its probability, in order of time."""
    users, size = config.users, config.user_clusters
    first, second = (rng.dirichlet(np.full(size, _SPREAD), (users, size)) for _ in range(2))
    longest_first = np.argsort(-length, kind="stable")
    begin = (np.cumsum(length) - length)[longest_first]
    active = np.searchsorted(-length[longest_first], -np.arange(int(length.max())))
    last = before = rng.integers(size, size=users)
    slot, chance = np.empty(int(length.sum()), np.int64), np.empty(int(length.sum()))
    for step, count in enumerate(active.tolist()):
        who, last, before = longest_first[:count], last[:count], before[:count]
        chain = _FIRST_ORDER * first[who, last] + (1 - _FIRST_ORDER) * second[who, before]
        probability = _CHAIN * chain + (1 - _CHAIN) / size
        upto = np.cumsum(probability, axis=1)
        drawn = (upto < rng.random((count, 1)) * upto[:, -1:]).sum(axis=1)
        slot[begin[:count] + step] = drawn
        chance[begin[:count] + step] = probability[np.arange(count), drawn]
        last, before = drawn, last
    return slot, chance


def _items(
    config: SyntheticEventsConfig,
    rng: np.random.Generator,
    user: npt.NDArray[np.int32],
    slot: npt.NDArray[np.int64],
    clusters: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int32], Floats]:
    """Draws an item of each event's cluster, with its probability there."""
    depth = -(-config.items // config.clusters)
    # Item k of cluster c has index k * clusters + c; the last clusters may have one item less.
    there = np.arange(depth) * config.clusters + np.arange(config.clusters)[:, None] < config.items
    weight = there / (1.0 + np.arange(depth))
    row = clusters[user, slot]
    if config.taste:
        weight = weight[clusters.ravel()] * rng.gamma(config.taste, size=(clusters.size, depth))
        row = user.astype(np.int64) * config.user_clusters + slot
    upto = np.cumsum(weight, axis=1)
    total = upto[:, -1:].copy()
    upto /= total
    # All rows form one increasing table, with row r between r and r + 1.
    table = (upto + np.arange(len(upto))[:, None]).ravel()
    rank = np.searchsorted(table, row + rng.random(len(row)), side="right") - row * depth
    rank = np.minimum(rank, there.sum(axis=1)[clusters[user, slot]] - 1)
    number = rng.permutation(config.items)[rank * config.clusters + clusters[user, slot]]
    return number.astype(np.int32), (weight / total)[row, rank]


def draw_times(rng: np.random.Generator, length: npt.NDArray[np.int64], days: int) -> npt.NDArray[np.int64]:
    """Draws unix seconds of events by user, increasing within each, over about `days` days: int64[sum of length]."""
    gap = rng.exponential(size=int(length.sum())) * np.repeat(days * _DAY / (length + 1), length)
    upto = np.cumsum(1 + gap.astype(np.int64))
    first = np.cumsum(length) - length
    return START + upto - np.repeat((upto - gap.astype(np.int64))[first], length)
