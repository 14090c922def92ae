"""Reads the TFRecord files and vocabularies of a prepared data set into flat arrays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf import features
from rrn_tf.features import Side

_PARSE_BATCH = 2048


def read_side(
    directory: str | Path,
    side: Side,
    spec: dict[str, Any],
    lengths: Callable[[dict[str, tf.RaggedTensor]], dict[str, tf.Tensor]],
    entities: int,
) -> dict[str, npt.NDArray[Any]]:
    """Reads all sequences of a side.

    Args:
      directory: holds the files, there or one folder below.
      side: the side to read.
      spec: feature lists to parse (see `rrn_tf.features`).
      lengths: computes further arrays, by name, from the parsed lists of some sequences.
      entities: expected number of sequences.

    Returns:
      The flat values of each feature list, and the arrays of `lengths`, by name.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if the sequences are not those of entities 1, 2, …
    """
    files = sorted(str(path) for path in Path(directory).rglob(f"{side.sequences}-*"))
    if not files:
        raise FileNotFoundError(f"{directory}: expected {side.sequences} files, found none")
    parts: dict[str, list[npt.NDArray[Any]]] = {}
    for records in tf.data.TFRecordDataset(files).batch(_PARSE_BATCH).prefetch(1):
        context, lists, _ = tf.io.parse_sequence_example(records, features.sequence_context_spec(), spec)
        kept = {features.ENTITY_INDEX: context[features.ENTITY_INDEX], **lengths(lists)}
        kept |= {name: ragged.flat_values for name, ragged in lists.items()}
        for name, values in kept.items():
            parts.setdefault(name, []).append(values.numpy())
    flat = {name: np.concatenate(values) for name, values in parts.items()}
    if not np.array_equal(flat[features.ENTITY_INDEX], np.arange(1, entities + 1)):
        raise ValueError(f"{directory}: expected {side.sequences} of entities 1..{entities} in order, found others")
    return flat


def read_vocabulary(directory: str | Path, side: Side) -> npt.NDArray[np.object_]:
    """Reads the ids of a side in order of index, from 1: object[entities]."""
    text = Path(directory, side.vocabulary_file).read_text(encoding="utf-8")
    return np.array(text.split("\n")[:-1], dtype=object)
