"""Generates an event log like that of music listeners: long sequences that repeat themselves by hour and by day.

Each event is drawn from a mixture of sources: four repeat the user's own earlier events, and five are shared by users.
The own sources depend only on the past and the clock. So the probability of an event is its true one given everything
before, and a model that knows the sources and their weights reaches the best loss on any events.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rrn_tf.data.listening_sources import Clock, OwnSources, SharedSources
from rrn_tf.data.synthetic_events import Floats, SyntheticEvents, draw_lengths
from rrn_tf.data.synthetic_sittings import HOUR, draw_sittings

OWN, SHARED = ("recency", "hour", "week", "transition"), ("following", "genre", "group", "popularity", "uniform")
SOURCES = (*OWN, *SHARED)
# Signs by which weights of sources change after a pause, and with the number of events so far.
_PAUSE = np.array([-1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 0.0])
_LENGTH = np.array([1.0] * len(OWN) + [0.0] * len(SHARED))
_LONG = 100.0  # number of events so far at which the weights are those of the configuration


@dataclass(frozen=True)
class SyntheticListeningConfig:
    """Settings of the generator; a weight or strength of 0 switches its effect off.

    Attributes:
      users, items, events: number of each.
      groups: number of groups of users with shared preferences.
      genres: number of genres of items.
      length_spread: standard deviation of the logarithm of a user's number of events; 0 gives all users the same.
      days: length of the period.
      sitting: mean number of events within minutes of each other; hours or days pass between such sessions.
      memory: number of their last events that users can repeat.
      recency: weight of repeating own events, each by the inverse of its age in events.
      hour: weight of repeating own events of about this hour of the day.
      week: weight of repeating own events of this day of the week.
      transition: weight of repeating what followed the same item.
      following: weight of what follows the last item for all users alike.
      genre: weight of any item of the last one's genre.
      group: weight of the preferences of the user's group.
      popularity: weight of popular items.
      uniform: weight of any item; it must be positive, since a first event needs a source.
      pause: strength by which weights depend on whether an hour has passed since the last event.
      length: strength by which the weights of own events grow with their number.
      seed: of all random numbers.
    """

    users: int = 300
    items: int = 1_000
    events: int = 120_000
    groups: int = 10
    genres: int = 40
    length_spread: float = 0.5
    days: int = 240
    sitting: float = 6.0
    memory: int = 300
    recency: float = 0.10
    hour: float = 0.26
    week: float = 0.18
    transition: float = 0.12
    following: float = 0.08
    genre: float = 0.06
    group: float = 0.10
    popularity: float = 0.06
    uniform: float = 0.04
    pause: float = 0.7
    length: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("users", "items", "events", "groups", "genres", "days", "sitting", "memory"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} should be at least 1, found {getattr(self, name)}")
        for name in ("length_spread", *SOURCES, "pause", "length", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} should not be negative, found {getattr(self, name)}")
        for name, limit in (("genres", "items"), ("users", "events")):
            if getattr(self, name) > getattr(self, limit):
                raise ValueError(
                    f"{name} should be at most {limit}, found {getattr(self, name)} and {getattr(self, limit)}"
                )
        if not self.uniform:
            raise ValueError(f"uniform should be more than 0, found {self.uniform}")


@dataclass(frozen=True)
class SyntheticListening(SyntheticEvents):
    """Generated events with the weight and the probability of each source at each event.

    Attributes:
      share: float32[N, 9], mixture weights of `SOURCES`, with sum 1; 0 for sources that cannot give an item.
      chance: float32[N, 9], probability of the event's item by each source.
    """

    share: npt.NDArray[np.float32]
    chance: npt.NDArray[np.float32]


def generate_listening(config: SyntheticListeningConfig) -> SyntheticListening:
    """Generates events.

    Args:
      config: settings of the generator.

    Returns:
      `config.events` events in order of user and time; equal for equal settings.
    """
    rng = np.random.default_rng(config.seed)
    length = draw_lengths(rng, config.users, config.events, config.length_spread)
    # Users with the longest sequences come first: those with a next event are then always the first ones.
    length = -np.sort(-length)
    timestamp = draw_sittings(rng, length, config.days, config.sitting)
    begin = np.cumsum(length) - length
    active = np.searchsorted(-length, -np.arange(int(length.max())))
    clock = Clock(timestamp, begin, length)
    own = OwnSources(clock, config.memory)
    shared = SharedSources(rng, config.users, config.items, config.groups, config.genres)
    item = np.empty(config.events, np.int32)
    share = np.empty((config.events, len(SOURCES)), np.float32)
    chance = np.empty_like(share)
    for step, count in enumerate(active.tolist()):
        now = begin[:count] + step
        last = item[now - 1] if step else np.full(count, -1)
        own.look_back(step, count)
        of_step = _shares(config, own.present, step, clock.pause[now])
        source = (np.cumsum(of_step, axis=1) < rng.random((count, 1))).sum(axis=1).clip(max=len(SOURCES) - 1)
        drawn = np.empty(count, np.int32)
        repeats = source < len(OWN)
        drawn[repeats] = own.draw(rng, np.flatnonzero(repeats), source[repeats])
        drawn[~repeats] = shared.draw(rng, np.flatnonzero(~repeats), last[~repeats], source[~repeats] - len(OWN))
        chance[now] = np.concatenate([own.chances(drawn), shared.chances(last, drawn)], axis=1)
        own.append(step, drawn)
        item[now], share[now] = drawn, of_step
    user = np.repeat(np.arange(config.users, dtype=np.int32), length)
    nll = -np.log((share.astype(np.float64) * chance).sum(axis=1)).astype(np.float32)
    return SyntheticListening(user, item, timestamp, nll, share, chance)


def _shares(
    config: SyntheticListeningConfig, present: npt.NDArray[np.bool_], step: int, pause: npt.NDArray[np.int64]
) -> Floats:
    """Computes float64[B, 9], weights of the sources at the next event of users after a pause in seconds."""
    weight = np.array([getattr(config, name) for name in SOURCES])
    after = np.where(pause > HOUR, 1.0, -1.0)[:, np.newaxis]
    logits = config.pause * after * _PAUSE + config.length * np.log((1 + step) / _LONG) * _LENGTH
    weights = weight * np.exp(logits)
    weights[:, : len(OWN)] *= present
    if not step:
        weights[:, len(OWN) : len(OWN) + 2] = 0  # without a last item nothing can follow it
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
