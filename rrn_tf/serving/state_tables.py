"""Vocabulary, states and stationary factors of one side, as a served model holds them."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf

from rrn_tf.data.metadata import SequenceMetadata
from rrn_tf.data.sequences import RatingSequences
from rrn_tf.data.wallclock import step_of, wallclock_of
from rrn_tf.features import Side
from rrn_tf.models.entity_states import EntityStates
from rrn_tf.models.rrn import RRN
from rrn_tf.serving.blocks import distinct_rows
from rrn_tf.serving.requests import bounded

_AT_A_TIME = 4_096  # entities whose states are moved on at a time


class StateTable(tf.Module):
    """Answers where an entity stands at a time: ``[projected state; stationary factors]``.

    Args:
      side: user or item.
      model: the network.
      states: states after the last training step, entities without training rows included.
      sequences: for vocabulary and time.
      vocabulary: file the ids of the trained entities are written to, one a line; it becomes an
        asset of the SavedModel.
    """

    def __init__(
        self, side: Side, model: RRN, states: EntityStates, sequences: RatingSequences, vocabulary: Path
    ) -> None:
        super().__init__(name=f"{side.value}_table")
        self._side, self._metadata = side, sequences.metadata
        trained = sequences.metadata.entities(side).trained
        ids = sequences.ids(side)[:trained]
        self.states = EntityStates.like(model, side, trained)
        for mine, theirs in zip(self.states.variables, states.variables, strict=True):
            mine.assign(theirs[: trained + 1])
        # The variables are tracked one by one and the Keras objects hidden in a partial: saving them would
        # trace every layer.
        # All of the network, since the saved model can take in new ratings too.
        self.network = model.network_variables(side)
        self._extrapolate = functools.partial(self.states.extrapolate, model, side)
        self.factors = tf.Variable(_without_unknown(model.factors(side).table), trainable=False, name="factors")
        self.ids = tf.Variable(np.array(["", *ids], dtype=object), trainable=False, dtype=tf.string, name="ids")
        self._index = line_numbers(vocabulary, ids)

    def index(self, entity_id: tf.Tensor) -> tf.Tensor:
        """int64[N] indices of string[N] ids; unknown ids are 0."""
        return self._index.lookup(entity_id) + 1

    def step(self, timestamp: tf.Tensor) -> tf.Tensor:
        """int64[N] time steps; times before the cutoff are answered as of the cutoff."""
        step = step_of(bounded(timestamp), self._metadata.cutoff, self._metadata.granularity(self._side))
        return tf.maximum(step, 0)

    def vectors(self, entity: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """float32[N, dynamic + stationary]; the inner product of two sides' vectors is the rating (Eq. 7)."""
        wallclock = tf.cast(wallclock_of(tf.cast(step, tf.float64), self._metadata, self._side), tf.float32)
        moving = self._extrapolate(entity, wallclock)
        return tf.concat([moving, tf.gather(self.factors, entity)], axis=1)

    def distinct_vectors(self, entity: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """As `vectors`, where entities and steps may repeat and be many."""
        return distinct_rows(self.vectors, entity, step, _AT_A_TIME)


def line_numbers(file: Path, ids: Iterable[str]) -> tf.lookup.StaticHashTable:
    """Writes ids, one a line, and looks up the line of each, from 0; -1 for any other. The file becomes an asset."""
    file.write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")
    whole, number = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
    initializer = tf.lookup.TextFileInitializer(str(file), tf.string, whole, tf.int64, number)
    return tf.lookup.StaticHashTable(initializer, default_value=-1)


class SeenItems(tf.Module):
    """Items each user has rated in training, to be left out of recommendations."""

    def __init__(self, sequences: RatingSequences) -> None:
        super().__init__(name="seen_items")
        metadata: SequenceMetadata = sequences.metadata
        user = sequences.user
        inside = (user.row_entity[user.rating_row] <= metadata.users.trained) & (user.step[user.rating_row] < 0)
        counts = np.bincount(user.row_entity[user.rating_row[inside]], minlength=metadata.users.trained + 1)
        self._splits = tf.Variable(np.concatenate([[0], np.cumsum(counts)]), trainable=False, dtype=tf.int64)
        self._items = tf.Variable(user.opposite[inside].astype(np.int64), trainable=False)

    def of(self, user: tf.Tensor) -> tf.RaggedTensor:
        """int64[N, (n)] indices (from 1) of the items that users int64[N] have rated."""
        table = tf.RaggedTensor.from_row_splits(self._items, self._splits, validate=False)
        return tf.gather(table, user)


def _without_unknown(table: tf.Variable) -> np.ndarray:
    values = table.numpy()
    values[0] = 0
    return values
