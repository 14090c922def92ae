"""Loads prepared events from TFRecords into memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from rrn_tf import features
from rrn_tf.data.events import EventSequences
from rrn_tf.data.metadata import EventMetadata
from rrn_tf.data.sequence_checks import bounds_of, check_events
from rrn_tf.data.sequence_files import read_side, read_vocabulary
from rrn_tf.features import Side, Split

_EVENTS = "events"
_STORED: dict[str, type[np.generic]] = {features.OPPOSITE_INDEX: np.int32, features.SPLIT: np.uint8}


def load_events(data_dir: str | Path) -> EventSequences:
    """Reads prepared events.

    Args:
      data_dir: directory with `events.json`, the vocabularies and, there or one folder below, the TFRecord files.

    Raises:
      FileNotFoundError: for a missing file.
      DamagedFileError: if the files do not hold what is prepared.
    """
    metadata = EventMetadata.load(data_dir)
    spec = features.event_sequence_feature_spec()
    user_ids = read_vocabulary(data_dir, Side.USER, metadata.users)
    item_ids = read_vocabulary(data_dir, Side.ITEM, metadata.items)
    bounds = bounds_of(len(item_ids), Split.TEST)
    flat = read_side(data_dir, Side.USER, spec, _lengths, user_ids, _STORED, tuple(spec), bounds)
    events = EventSequences(
        user_splits=np.concatenate([[0, 0], np.cumsum(flat[_EVENTS])]).astype(np.int64),
        item=flat[features.OPPOSITE_INDEX],
        timestamp=flat[features.TIMESTAMP],
        split=flat[features.SPLIT],
        user_ids=user_ids,
        item_ids=item_ids,
    )
    check_events(f"{data_dir}: {Side.USER.sequences}", events, metadata)
    return events


def _lengths(lists: dict[str, tf.RaggedTensor]) -> dict[str, tf.Tensor]:
    return {_EVENTS: lists[features.OPPOSITE_INDEX].row_lengths()}
