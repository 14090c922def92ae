"""Generates event times in sessions: minutes apart within one, hours or days between, at each user's usual hours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rrn_tf.data.synthetic import START

HOUR, DAY = 3_600, 86_400
_HABITS = 3  # usual hours of the day at which a user's sessions start, roughly evenly spaced
_SPREAD = 0.75  # hours, standard deviation of a session's start
_APART = 2.0  # hours, largest deviation of usual hours from even spacing
_LEAST, _MORE = 30, 210.0  # seconds between events of a session: the minimum, and the mean beyond it
_FAR = 1 << 40  # seconds, longer than any period


def draw_sittings(
    rng: np.random.Generator, length: npt.NDArray[np.int64], days: int, sitting: float
) -> npt.NDArray[np.int64]:
    """Draws unix seconds of events by user, increasing within each: int64[sum of length].

    Args:
      rng: random number generator.
      length: int64[users], number of events of each user.
      days: number of days on which sessions start.
      sitting: mean number of events of a session.
    """
    events, users = int(length.sum()), len(length)
    user = np.repeat(np.arange(users), length)
    first = np.cumsum(length) - length
    begins = rng.random(events) < 1 / sitting
    begins[first] = True
    gap = np.where(begins, 0, _LEAST + rng.exponential(_MORE, events).astype(np.int64))
    session_first = np.flatnonzero(begins)
    elapsed = np.cumsum(gap) - np.repeat(np.cumsum(gap)[session_first], np.diff(session_first, append=events))
    session_user = user[session_first]
    start = _starts(rng, session_user, users, days)
    # A session that would start before the preceding one has ended, or within an hour after it, is postponed.
    lasting = elapsed[np.append(session_first[1:], events) - 1] + HOUR + 1
    before = np.cumsum(lasting) - lasting
    start = np.maximum.accumulate(start - before + session_user * _FAR) + before - session_user * _FAR
    return START + np.repeat(start, np.diff(session_first, append=events)) + elapsed


def _starts(
    rng: np.random.Generator, session_user: npt.NDArray[np.int64], users: int, days: int
) -> npt.NDArray[np.int64]:
    """Draws the wanted start of each session, in seconds and increasing within a user: int64[sessions]."""
    habit = np.arange(_HABITS) * 24 / _HABITS + rng.uniform(-_APART, _APART, (users, _HABITS))
    habit += rng.uniform(0, 24, (users, 1))
    hour = habit[session_user, rng.integers(_HABITS, size=len(session_user))] % 24 + rng.normal(
        0, _SPREAD, len(session_user)
    )
    start = rng.integers(days, size=len(session_user)) * DAY + (hour % 24 * HOUR).astype(np.int64)
    return start[np.lexsort((start, session_user))]
