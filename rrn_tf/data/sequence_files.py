"""Reads the TFRecord files and vocabularies of a prepared data set into flat arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from rrn_tf import features
from rrn_tf.features import Side

_PARSE_BATCH = 256  # sequences: those of items may have a hundred thousand ratings each


def read_side(
    directory: str | Path,
    side: Side,
    spec: dict[str, Any],
    lengths: Callable[[dict[str, tf.RaggedTensor]], dict[str, tf.Tensor]],
    entities: int,
    types: Mapping[str, type[np.generic]] = MappingProxyType({}),
) -> dict[str, npt.NDArray[Any]]:
    """Reads all sequences of a side.

    Args:
      directory: holds the files, there or one folder below.
      side: the side to read.
      spec: feature lists to parse (see `rrn_tf.features`).
      lengths: computes further arrays, by name, from the parsed lists of some sequences.
      entities: expected number of sequences.
      types: by name, the type in which an array is stored, where it is not the one of the files (int64, float32).

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
            parts.setdefault(name, []).append(_stored(values.numpy(), types.get(name)))
    # Parts are dropped one column after another, so that only one column is in memory twice.
    flat = {name: np.concatenate(parts.pop(name)) for name in list(parts)}
    if not np.array_equal(flat[features.ENTITY_INDEX], np.arange(1, entities + 1)):
        raise ValueError(f"{directory}: expected {side.sequences} of entities 1..{entities} in order, found others")
    return flat


def _stored(values: npt.NDArray[Any], kind: type[np.generic] | None) -> npt.NDArray[Any]:
    return values if kind is None else values.astype(kind, copy=False)


def read_vocabulary(directory: str | Path, side: Side) -> npt.NDArray[np.object_]:
    """Reads the ids of a side in order of index, from 1: object[entities]."""
    text = Path(directory, side.vocabulary_file).read_text(encoding="utf-8")
    return np.array(text.split("\n")[:-1], dtype=object)
