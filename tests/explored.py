"""Small subjects whose page can be explored, with vectors and expectations that are made up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from rrn_tf.data.metadata import EntityCounts, SequenceMetadata
from rrn_tf.data.rows import SideRatings
from rrn_tf.data.sequences import sequences_in_memory
from rrn_tf.evaluation.experiments.subjects import EventSubject, RatingSubject, ReportOptions
from rrn_tf.features import Side, Split
from tests.events import random_events

USERS, ITEMS, DAYS, BEGIN = 30, 24, 400, 1_300_000_000
CUTOFF = BEGIN + 300 * 86_400
TITLES = pd.DataFrame(
    {
        "item_id": [f"i{item}" for item in range(1, ITEMS + 1)],
        "title": [f"The title {item}" for item in range(1, ITEMS - 1)] + ["Amélie", None],
    }
)


class MadeUpVectors:
    """In place of `StatesThroughTime`: vectors that turn with time, at a speed of each entity's own."""

    def vectors(self, side: Side, entity: np.ndarray, timestamp: np.ndarray) -> np.ndarray:
        years = (timestamp - BEGIN) / (365 * 86_400)
        angle = entity * (0.7 if side is Side.USER else 0.3) + years * (entity % 5)
        return np.stack([np.cos(angle), np.sin(angle), np.full(len(angle), 1.7)], axis=1).astype(np.float32)

    def clip(self, rating: np.ndarray) -> np.ndarray:
        return np.clip(rating, 1, 5)


def rating_subject(seed: int = 0, **options: Any) -> RatingSubject:
    """700 ratings by 30 users of 24 items in 400 days, of which the last 100 are held out; item 1 has most."""
    rng = np.random.default_rng(seed)
    count = 700
    user = rng.integers(1, USERS + 1, count).astype(np.int32)
    item = np.where(rng.random(count) < 0.3, 1, rng.integers(1, ITEMS + 1, count)).astype(np.int32)
    time = np.sort(rng.integers(BEGIN, BEGIN + DAYS * 86_400, count))
    split = np.where(time < CUTOFF, Split.TRAIN, Split.TEST).astype(np.uint8)
    metadata = SequenceMetadata(
        cutoff=CUTOFF,
        user_granularity=86_400,
        item_granularity=86_400,
        wallclock_mean=float(BEGIN),
        wallclock_std=1e7,
        rating_mean=3.0,
        rating_min=1.0,
        rating_max=5.0,
        users=EntityCounts(USERS, USERS),
        items=EntityCounts(ITEMS, ITEMS),
        ratings={},
    )
    ratings = SideRatings(user, item, rng.integers(1, 6, count).astype(np.float32), time, split)
    user_ids = np.array([f"secret-{index}" for index in range(1, USERS + 1)], object)
    sequences, _ = sequences_in_memory(ratings, user_ids, TITLES["item_id"].to_numpy(object), metadata)
    network: Any = SimpleNamespace(bayesian_factors=0)
    subject = RatingSubject(
        sequences=sequences,
        network=network,
        predict=lambda **query: np.zeros(0, np.float32),
        config={},
        metrics={},
        compare=dict,
        options=ReportOptions(**options),
    )
    subject.__dict__["through_time"] = MadeUpVectors()
    return subject


def event_subject(**options: Any) -> EventSubject:
    """Random events of 6 users with 15 items, and a network whose softmax has weights that are made up."""
    sequences = random_events([(30, 5, 5)] * 6, 15)
    kernel = np.random.default_rng(0).normal(size=(4, 15)).astype(np.float32)
    network: Any = SimpleNamespace(softmax=SimpleNamespace(kernel=SimpleNamespace(numpy=lambda: kernel)))
    return EventSubject(
        sequences=sequences, network=network, config={}, metrics={}, compare=dict, options=ReportOptions(**options)
    )


def made_up_next_items(subject: EventSubject, user: str, k: int, latest: int) -> pd.DataFrame:
    """In place of `next_items_through`: items of the next numbers are expected before each event."""
    sequences = subject.sequences
    index = int(np.flatnonzero(sequences.user_ids == user)[0]) + 1
    begin, end = sequences.user_splits[index : index + 2]
    positions = np.arange(max(begin, end - latest), end)
    expected = [[f"i{(position + rank) % 15}" for rank in range(k)] for position in positions]
    return pd.DataFrame(
        {
            "event": positions - begin + 1,
            "timestamp": sequences.timestamp[positions],
            "split": [Split(code).label for code in sequences.split[positions]],
            "item": sequences.item_ids[sequences.item[positions] - 1],
            "probability": 0.25,
            "rank": 3.0,
            "items": expected,
            "probabilities": [[1 / (2 + rank) for rank in range(k)]] * len(positions),
        }
    )
