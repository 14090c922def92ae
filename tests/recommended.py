"""Small data frames of both kinds, and recommenders trained on them once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rrn_tf.data.synthetic import SyntheticConfig, generate

TINY: dict[str, Any] = {
    "training.epochs": 1,
    "model.units": 4,
    "model.embedding": 4,
    "model.dynamic": 2,
    "model.ensemble": 1,
    "model.bayesian_factors": 2,
}
TINY_EVENTS: dict[str, Any] = {
    "training.epochs": 1,
    "model.units": 4,
    "model.stationary": 2,
    "model.window": 4,
    "model.heads": 1,
    "model.attention": 0,
}


def rating_frame() -> pd.DataFrame:
    """300 ratings of 30 users and 25 items in 60 days, ids text."""
    made = generate(SyntheticConfig(users=30, items=25, ratings=300, days=60, late_users=0, seed=3))
    columns = {"user_id": made.user_id, "item_id": made.item_id, "rating": made.rating, "timestamp": made.timestamp}
    return pd.DataFrame(columns)


def event_frame() -> pd.DataFrame:
    """360 events of 12 users with 9 items, an hour between them, ids whole numbers."""
    draw = np.random.default_rng(0)
    columns = {
        "user_id": np.repeat(np.arange(12), 30),
        "item_id": draw.integers(9, size=360),
        "timestamp": 1_700_000_000 + 3_600 * np.arange(360),
    }
    return pd.DataFrame(columns)
