"""Small event logs of known kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rrn_tf.collaborative_config import CollaborativeConfig
from rrn_tf.config import config_from_dict
from rrn_tf.data.events import EventSequences

RHYTHMIC_ITEMS = 9


def sequences_of(items: Sequence[Sequence[int]], held_out: Sequence[tuple[int, int]], num_items: int) -> EventSequences:
    """Each user's items, of which the last (validation, test) are held out."""
    lengths = [len(of_user) for of_user in items]
    split = [
        code
        for length, (valid, test) in zip(lengths, held_out, strict=True)
        for code in [0] * (length - valid - test) + [1] * valid + [2] * test
    ]
    return EventSequences(
        user_splits=np.concatenate([[0, 0], np.cumsum(lengths)]).astype(np.int64),
        item=np.concatenate([np.asarray(of_user, np.int32) for of_user in items]),
        timestamp=np.concatenate([np.arange(length, dtype=np.int64) for length in lengths]),
        split=np.array(split, np.uint8),
        user_ids=np.array([f"u{user}" for user in range(len(items))], object),
        item_ids=np.array([f"i{item}" for item in range(num_items)], object),
    )


def uniform_events(seed: int, users: int = 12, num_items: int = 7, valid: int = 3, test: int = 3) -> EventSequences:
    """Items drawn alike: nothing predicts them. Lengths differ; every item has a training event."""
    rng = np.random.default_rng(seed)
    items = [
        [*rng.permutation(num_items) + 1, *rng.integers(1, num_items + 1, rng.integers(valid + test, 30))]
        for _ in range(users)
    ]
    return sequences_of(items, [(valid, test)] * users, num_items)


def markov_events(seed: int, users: int = 40, length: int = 160, num_items: int = 12) -> EventSequences:
    """Each user follows, nine times in ten, a permutation of the items of their own; else any item comes."""
    rng = np.random.default_rng(seed)
    follower = np.argsort(rng.random((users, num_items)), axis=1)
    items = np.empty((users, length), np.int64)
    items[:, 0] = rng.integers(num_items, size=users)
    for step in range(1, length):
        obeys = rng.random(users) < 0.9
        items[:, step] = np.where(
            obeys, follower[np.arange(users), items[:, step - 1]], rng.integers(num_items, size=users)
        )
    return sequences_of((items + 1).tolist(), [(15, 15)] * users, num_items)


def events_of_kinds(
    seed: int, users: int = 60, length: int = 150, kinds: int = 5, alike: int = 4
) -> tuple[EventSequences, float]:
    """Each user's events follow, nine times in ten, a permutation of kinds of the user's own; else any kind comes.

    Returns:
      The events, with any of the `alike` items of a kind as probable as another, and the best reachable loss in nats.
    """
    rng = np.random.default_rng(seed)
    follower = np.argsort(rng.random((users, kinds)), axis=1)
    kind = np.empty((users, length), np.int64)
    kind[:, 0] = rng.integers(kinds, size=users)
    for step in range(1, length):
        obeyed = follower[np.arange(users), kind[:, step - 1]]
        kind[:, step] = np.where(rng.random(users) < 0.9, obeyed, rng.integers(kinds, size=users))
    items = kind * alike + rng.integers(alike, size=kind.shape) + 1
    probability = np.full(kinds, 0.1 / kinds) + 0.9 * (np.arange(kinds) == 0)
    best = -float(probability @ np.log(probability / alike))
    return sequences_of(items.tolist(), [(15, 15)] * users, kinds * alike), best


def with_items(sequences: EventSequences, items: np.ndarray) -> EventSequences:
    """The same log with other items."""
    return EventSequences(
        sequences.user_splits,
        items.astype(np.int32),
        sequences.timestamp,
        sequences.split,
        sequences.user_ids,
        sequences.item_ids,
    )


def random_events(lengths: Sequence[tuple[int, int, int]], num_items: int, seed: int = 0) -> EventSequences:
    """Random items for users with so many training, validation and test events each."""
    rng = np.random.default_rng(seed)
    items = [rng.integers(1, num_items + 1, sum(counts)).tolist() for counts in lengths]
    return sequences_of(items, [counts[1:] for counts in lengths], num_items)


def rhythmic_events() -> EventSequences:
    """Eight users with favourites of their own, which return at hours of their own; lengths and gaps differ."""
    rng = np.random.default_rng(0)
    items, times = [], []
    for user in range(8):
        length = int(rng.integers(14, 30))
        own = rng.permutation(RHYTHMIC_ITEMS)[:3] + 1
        hour = np.sort(rng.integers(0, 24 * 40, length))
        mine = own[(hour % 24) // 8]
        items.append(np.where(rng.random(length) < 0.8, mine, rng.integers(1, RHYTHMIC_ITEMS + 1, length)).tolist())
        items[-1][:2] = [user % RHYTHMIC_ITEMS + 1, (user + 1) % RHYTHMIC_ITEMS + 1]
        times.append(hour * 3_600 + 1_300_000_000)
    sequences = sequences_of(items, [(3, 3)] * 8, RHYTHMIC_ITEMS)
    return replace(sequences, timestamp=np.concatenate(times))


def small_mixture(epochs: int, **model: Any) -> CollaborativeConfig:
    """A mixture for `rhythmic_events` that looks six events back."""
    sizes = {
        "mixture": True,
        "matrices": "shared",
        "activation": "tanh",
        "units": 4,
        "stationary": 2,
        "window": 6,
        "attention": 2,
    }
    training = {"epochs": epochs, "patience": 0, "users_per_batch": 3, "chunk": 5, "learning_rate": 0.02}
    values = {"model": {**sizes, **model}, "training": {**training, "dropout": 0.3, "averaging": 1}}
    return config_from_dict(values, CollaborativeConfig)
