"""A log like that of listeners, from a known generator: long histories that repeat themselves by hour and by day.

Each event is drawn from a mixture of sources: four of the user's own earlier events, five that users share. Own sources
know nothing but the past and the clock, so that the probability of an event is its true one given all that came
before, and a model that knows the sources and their shares reaches the best loss on any events.
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
# Sources that count for more after a pause, and those that count for less; and those of long histories.
_PAUSE = np.array([-1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 0.0])
_LENGTH = np.array([1.0] * len(OWN) + [0.0] * len(SHARED))
_LONG = 100.0  # events so far at which the shares are those of the configuration


@dataclass(frozen=True)
class SyntheticListeningConfig:
    """What to generate; a share or strength of 0 switches its effect off.

    Attributes:
      users, items, events: how many.
      groups: of users who share tastes.
      genres: of items.
      length_spread: standard deviation of the logarithm of the number of events of a user; 0 gives all the same.
      days: length of the period.
      sitting: mean number of events that follow each other within minutes; hours or days pass between sittings.
      memory: how many of their last events users repeat.
      recency: share of repeats of own events, each by the inverse of its age in events.
      hour: share of repeats of own events of about this hour of the day.
      week: share of repeats of own events of this day of the week.
      transition: share of repeats of what came after the same item.
      following: share of what follows the last item for all users alike.
      genre: share of any item of the last one's genre.
      group: share of the tastes of the user's group.
      popularity: share of what is popular.
      uniform: share of any item; more than 0, since users begin somehow.
      pause: how far shares depend on whether an hour has passed since the last event.
      length: how far own events count for more the longer a history is.
      seed: of everything.
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
    """As `SyntheticEvents`, with what each source said of each event.

    Attributes:
      share: float32[N, 9], of `SOURCES`; adds up to 1, and is 0 where a source has nothing to say.
      chance: float32[N, 9], of the event's item by each.
    """

    share: npt.NDArray[np.float32]
    chance: npt.NDArray[np.float32]


def generate_listening(config: SyntheticListeningConfig) -> SyntheticListening:
    """Generates events.

    Args:
      config: what to generate.

    Returns:
      `config.events` events by user and time; the same for the same config.
    """
    rng = np.random.default_rng(config.seed)
    length = draw_lengths(rng, config.users, config.events, config.length_spread)
    # Users with the longest histories first: those that have a next event are always the first so many.
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
    """float64[B, 9], shares of the sources at the next event of users with so many seconds since the last one."""
    weight = np.array([getattr(config, name) for name in SOURCES])
    after = np.where(pause > HOUR, 1.0, -1.0)[:, np.newaxis]
    logits = config.pause * after * _PAUSE + config.length * np.log((1 + step) / _LONG) * _LENGTH
    weights = weight * np.exp(logits)
    weights[:, : len(OWN)] *= present
    if not step:
        weights[:, len(OWN) : len(OWN) + 2] = 0  # nothing follows upon nothing
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
