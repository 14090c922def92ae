"""Loads prepared events from TFRecords into memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from rrn_tf import features
from rrn_tf.data.events import EventSequences
from rrn_tf.data.metadata import EventMetadata
from rrn_tf.data.sequence_files import read_side, read_vocabulary
from rrn_tf.features import Side

_EVENTS = "events"


def load_events(data_dir: str | Path) -> EventSequences:
    """Reads prepared events.

    Args:
      data_dir: directory with `events.json`, the vocabularies and, there or one folder below, the TFRecord files.

    Raises:
      FileNotFoundError: for a missing file.
      ValueError: if the files hold other users than the metadata.
    """
    metadata = EventMetadata.load(data_dir)
    spec = features.event_sequence_feature_spec()
    flat = read_side(data_dir, Side.USER, spec, _lengths, metadata.users)
    return EventSequences(
        user_splits=np.concatenate([[0, 0], np.cumsum(flat[_EVENTS])]).astype(np.int64),
        item=flat[features.OPPOSITE_INDEX].astype(np.int32),
        timestamp=flat[features.TIMESTAMP].astype(np.int64, copy=False),
        split=flat[features.SPLIT].astype(np.uint8),
        user_ids=read_vocabulary(data_dir, Side.USER),
        item_ids=read_vocabulary(data_dir, Side.ITEM),
    )


def _lengths(lists: dict[str, tf.RaggedTensor]) -> dict[str, tf.Tensor]:
    return {_EVENTS: lists[features.OPPOSITE_INDEX].row_lengths()}
