"""Sources of a generated listening log, from which users draw their next item: own past events and shared habits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rrn_tf.data.synthetic import zipf_weights
from rrn_tf.data.synthetic_events import Floats
from rrn_tf.data.synthetic_sittings import DAY, HOUR

Ints = npt.NDArray[np.integer]

_NEAR = 1.0  # hours, standard deviation of the kernel over the hour of the day
_FOLLOWERS = np.array([0.6, 0.3, 0.1])  # probabilities of what may follow an item
_TASTES, _TASTE_EXPONENT = 40, 0.8  # number of items that a group prefers, and Zipf exponent of the preference
_POPULARITY_EXPONENT = 0.8


class Clock:
    """Times of all users' events, as the sources use them.

    Args:
      timestamp: int64[N], unix seconds, in order of user and time.
      begin, length: int64[U], position of each user's first event, and number of events.

    Attributes:
      pause: int64[N], seconds since the user's preceding event; the largest integer for a first event.
      hour: float32[U, T], hour of the day of each user's t-th event.
      weekday: int8[U, T], day of the week of the same.
    """

    def __init__(self, timestamp: npt.NDArray[np.int64], begin: Ints, length: Ints) -> None:
        self.pause = np.diff(timestamp, prepend=0)
        self.pause[begin] = np.iinfo(np.int64).max
        place = begin[:, np.newaxis] + np.minimum(np.arange(int(length.max())), length[:, np.newaxis] - 1)
        self.hour = (timestamp % DAY / HOUR).astype(np.float32)[place]
        self.weekday = (timestamp // DAY % 7).astype(np.int8)[place]


class OwnSources:
    """Four sources that repeat a user's own past events: by age, hour of the day, day of the week and preceding item.

    Args:
      clock: times of all events.
      memory: number of their last events that users can repeat.

    Attributes:
      present: bool[B, 4], whether each source can give a next item.
    """

    def __init__(self, clock: Clock, memory: int) -> None:
        self._clock, self._memory = clock, memory
        self._item = np.full(clock.hour.shape, -1, np.int32)
        self.present: npt.NDArray[np.bool_]

    def look_back(self, step: int, count: int) -> None:
        """Computes the weights of past events for the first `count` users, who have had `step` events each."""
        low = max(step - self._memory, 0)
        seen, clock = slice(low, step), self._clock
        self._past = self._item[:count, seen]
        weight = np.zeros((count, 4, step - low))
        weight[:, 0] = 1 / (step - np.arange(low, step))
        apart = np.abs(clock.hour[:count, seen] - clock.hour[:count, step, np.newaxis])
        weight[:, 1] = np.exp(-0.5 * (np.minimum(apart, 24 - apart) / _NEAR) ** 2)
        weight[:, 2] = clock.weekday[:count, seen] == clock.weekday[:count, step, np.newaxis]
        if step:
            after = max(low, 1)  # the very first event has no predecessor
            same = self._item[:count, after - 1 : step - 1] == self._item[:count, step - 1, np.newaxis]
            weight[:, 3, after - low :] = same
        total = weight.sum(axis=2, keepdims=True)
        self._weight = weight / np.where(total > 0, total, 1)
        self.present = total[:, :, 0] > 0

    def draw(self, rng: np.random.Generator, user: Ints, source: Ints) -> npt.NDArray[np.int32]:
        """Draws an item for each of these users from one of the sources: int32[n]."""
        if not len(user):
            return np.empty(0, np.int32)
        upto = np.cumsum(self._weight[user, source], axis=1)
        # Scaled by the rounded total, so that an event of weight 0 is never drawn.
        place = (upto <= rng.random((len(user), 1)) * upto[:, -1:]).sum(axis=1)
        return np.asarray(self._past[user, place])

    def chances(self, item: Ints) -> Floats:
        """Returns float64[B, 4], the probability of an item for each user by each source."""
        hit = self._past == item[:, np.newaxis]
        return np.asarray((self._weight @ hit[:, :, np.newaxis].astype(np.float64))[:, :, 0])

    def append(self, step: int, item: Ints) -> None:
        """Stores the next event of each user."""
        self._item[: len(item), step] = item


class SharedSources:
    """Shared sources: what follows an item, its genre, the user's group, popularity, and the uniform distribution.

    Args:
      rng: random number generator.
      users, items, groups, genres: number of each.
    """

    def __init__(self, rng: np.random.Generator, users: int, items: int, groups: int, genres: int) -> None:
        self._items, self._genres = items, genres
        self._group = rng.integers(groups, size=users)
        self._following = rng.integers(items, size=(items, len(_FOLLOWERS)))
        depth = min(_TASTES, items)
        taste = np.zeros((groups, items))
        favourites = np.argsort(rng.random((groups, items)), axis=1)[:, :depth]
        np.put_along_axis(taste, favourites, (1.0 + np.arange(depth)) ** -_TASTE_EXPONENT, axis=1)
        popularity = zipf_weights(rng, items, _POPULARITY_EXPONENT)
        self._taste, self._popularity = taste / taste.sum(axis=1, keepdims=True), popularity / popularity.sum()
        # The genre of item k is k modulo the number of genres.
        self._depth = -(-(items - np.arange(genres)) // genres)

    def draw(self, rng: np.random.Generator, user: Ints, last: Ints, source: Ints) -> npt.NDArray[np.int64]:
        """Draws an item for each user from one of the sources, given the last item: int64[n]."""
        chance, genre = rng.random(len(user)), last % self._genres
        upto = np.cumsum(self._taste[self._group[user]], axis=1)
        choices = [
            self._following[last, np.searchsorted(np.cumsum(_FOLLOWERS)[:-1], chance)],
            genre + self._genres * (chance * self._depth[genre]).astype(np.int64),
            (upto <= chance[:, np.newaxis] * upto[:, -1:]).sum(axis=1),
            np.searchsorted(np.cumsum(self._popularity)[:-1], chance),
            (chance * self._items).astype(np.int64),
        ]
        return np.asarray(np.choose(source, choices))

    def chances(self, last: Ints, item: Ints) -> Floats:
        """Returns float64[B, 5], the probability of an item for each of the first B users by each source."""
        genre = item % self._genres
        any_last = (last >= 0)[:, np.newaxis]
        found = [
            ((self._following[last] == item[:, np.newaxis]) & any_last) @ _FOLLOWERS,
            ((last % self._genres == genre) & any_last[:, 0]) / self._depth[genre],
            self._taste[self._group[: len(item)], item],
            self._popularity[item],
            np.full(len(item), 1 / self._items),
        ]
        return np.stack(found, axis=1)
