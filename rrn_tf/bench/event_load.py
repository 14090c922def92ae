"""Generates the events of the Collaborative RNN's benchmarks in memory, in the sizes of the published data sets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rrn_tf.collaborative_config import EventDataConfig
from rrn_tf.data.event_rules import split_by_position
from rrn_tf.data.events import EventSequences
from rrn_tf.data.synthetic import draw, zipf_weights
from rrn_tf.data.synthetic_events import draw_lengths, draw_times
from rrn_tf.features import Split

# Numbers of users, items and events after preparation, from the paper's Table 1.
BRIGHTKITE = (1_679, 23_243, 599_618)
LASTFM = (954, 48_188, 4_320_170)

_LENGTH_SPREAD = 1.0  # standard deviation of log-normal lengths, with which the mean is 1.6 medians
_ITEM_SKEW = 1.0
_DAYS = 900


def event_load(users: int, items: int, events: int, seed: int, config: EventDataConfig | None = None) -> EventSequences:
    """Generates events with skewed numbers of events of users and Zipf-like popularity of items, without dynamics.

    Args:
      users, items, events: numbers; each user has at least `min_user_events`, each item at least one training event.
      seed: seed of all random numbers.
      config: settings of the split; by default validation and test events are held out.

    Raises:
      ValueError: if there are too few events.
    """
    config = config or EventDataConfig()
    if events < users * config.min_user_events:
        raise ValueError(
            f"events should be at least {config.min_user_events} a user, found {events:,} of {users:,} users"
        )
    rng = np.random.default_rng(seed)
    length = draw_lengths(rng, users, events, _LENGTH_SPREAD, config.min_user_events)
    split = split_by_position(length, config)
    train = np.flatnonzero(split == Split.TRAIN)
    if len(train) < items:
        raise ValueError(f"training events should be at least as many as items, found {len(train):,} and {items:,}")
    item = 1 + draw(rng, zipf_weights(rng, items, _ITEM_SKEW), events)
    item[rng.choice(train, items, replace=False)] = 1 + rng.permutation(items)
    return EventSequences(
        user_splits=np.concatenate([[0, 0], np.cumsum(length)]),
        item=item.astype(np.int32),
        timestamp=draw_times(rng, length, _DAYS),
        split=split,
        user_ids=_ids("u", users),
        item_ids=_ids("i", items),
    )


def _ids(prefix: str, count: int) -> npt.NDArray[np.object_]:
    """Makes ids that are sorted as text."""
    return np.array([f"{prefix}{number:08d}" for number in range(1, count + 1)], dtype=object)
