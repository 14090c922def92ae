"""Prepared data sets for tests, through the real Beam transforms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rrn_tf.beam.sequences.build_sequences import BuildSequences
from rrn_tf.config import DataConfig
from rrn_tf.data.synthetic import SyntheticConfig, SyntheticRatings
from rrn_tf.features import COLUMNS, SPLIT, Split

# What the default preset is made of, for networks of any size.
LIKE_THE_DEFAULT = {
    "cell": "lstm",
    "inputs": "innovations",
    "time_feature": "delta",
    "include_opposite_state": True,
    "ensemble": 2,
    "bayesian_factors": 2,
}
# Ratings in which users and items differ much and noise is small.
CLEAR = SyntheticConfig(
    users=120, items=80, ratings=4_000, days=120, late_users=0, bias_share=0.8, static=True, noise=0.3, seed=5
)


def write_sequences(
    user_id: Sequence[str],
    item_id: Sequence[str],
    rating: npt.ArrayLike,
    timestamp: npt.ArrayLike,
    split: npt.ArrayLike,
    directory: Path,
    config: DataConfig,
) -> Path:
    """Builds sequences from columns whose split is known."""
    columns = [
        pa.array(user_id, pa.string()),
        pa.array(item_id, pa.string()),
        pa.array(np.asarray(rating), pa.float32()),
        pa.array(np.asarray(timestamp), pa.int64()),
        pa.array(np.asarray(split), pa.uint8()),
    ]
    with beam.Pipeline() as pipeline:
        batch = pa.RecordBatch.from_arrays(columns, names=[*COLUMNS, SPLIT])
        _ = pipeline | beam.Create([batch]) | BuildSequences(config, str(directory))
    return directory


def write_synthetic(ratings: SyntheticRatings, directory: Path, config: DataConfig | None = None) -> Path:
    """Earliest 80 % for training, later ratings in turn for validation and test."""
    cutoff = np.quantile(ratings.timestamp, 0.8)
    split = np.where(ratings.timestamp < cutoff, Split.TRAIN, np.where(np.arange(len(ratings)) % 2, 1, 2))
    trained = split == Split.TRAIN
    cold = ~np.isin(ratings.user, ratings.user[trained]) | ~np.isin(ratings.item, ratings.item[trained])
    split = np.where(~trained & cold, split + 2, split)
    return write_sequences(
        list(ratings.user_id),
        list(ratings.item_id),
        ratings.rating,
        ratings.timestamp,
        split,
        directory,
        config or DataConfig(shards=1),
    )
