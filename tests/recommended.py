"""Small data frames of both kinds, and settings that train on them within seconds."""

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
    """300 ratings of 30 users and 25 items in 60 days, in order of time; ids are whole numbers."""
    made = generate(SyntheticConfig(users=30, items=25, ratings=300, days=60, late_users=0, seed=3))
    columns = {"user_id": made.user, "item_id": made.item, "rating": made.rating, "timestamp": made.timestamp}
    return pd.DataFrame(columns).sort_values("timestamp", ignore_index=True)


def event_frame() -> pd.DataFrame:
    """360 events of 12 users with 9 items, an hour between them; ids are whole numbers."""
    draw = np.random.default_rng(0)
    columns = {
        "user_id": np.repeat(np.arange(12), 30),
        "item_id": draw.integers(9, size=360),
        "timestamp": 1_700_000_000 + 3_600 * np.arange(360),
    }
    return pd.DataFrame(columns)


def early_and_late(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows to train on and later ones: the last 50 ratings, or the last five events of each user."""
    late = frame.index >= 250 if "rating" in frame else frame.index % 30 >= 25
    return frame[~late], frame[late]
