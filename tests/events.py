"""Events for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rrn_tf.data.events import EventSequences
from rrn_tf.features import Split


def random_events(lengths: Sequence[tuple[int, int, int]], items: int, seed: int = 0) -> EventSequences:
    """Random items for users with so many training, validation and test events each."""
    rng, total = np.random.default_rng(seed), int(np.sum(lengths))
    splits = [np.repeat([Split.TRAIN, Split.VALID, Split.TEST], counts) for counts in lengths]
    return EventSequences(
        user_splits=np.concatenate([[0, 0], np.cumsum([sum(counts) for counts in lengths])]).astype(np.int64),
        item=rng.integers(1, items + 1, total).astype(np.int32),
        timestamp=np.arange(total),
        split=np.concatenate(splits).astype(np.uint8),
        user_ids=np.array([f"user {n}" for n in range(len(lengths))], dtype=object),
        item_ids=np.array([f"item {n}" for n in range(items)], dtype=object),
    )
