"""Finds, for an entity and a time, the last step that had ended before."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rrn_tf.data.metadata import SequenceMetadata
from rrn_tf.data.sequences import SideSequences
from rrn_tf.data.steps import level_thresholds, levels_of
from rrn_tf.data.wallclock import step_of

Ints = npt.NDArray[np.int64]


class LastRows:
    """Looks up the last training step (row) of an entity that had ended before the step of a given time began.

    A time belongs to the step that a rating at that time would belong to (`rrn_tf.data.steps`).

    Args:
      sequences: the side.
      metadata: the cutoff and the step rule.
    """

    def __init__(self, sequences: SideSequences, metadata: SequenceMetadata) -> None:
        self._data, self._metadata = sequences, metadata
        self._rule = metadata.step_rule(sequences.side)
        self._entities = len(sequences.row_splits) - 1
        first = sequences.rating_splits[sequences.row_splits[:-1]]
        before = sequences.rating_splits[:-1] - first[sequences.row_entity]
        self._steps, self._times = np.unique(sequences.step), np.unique(sequences.timestamp)
        rank = np.searchsorted(self._times, sequences.timestamp)
        owner = sequences.row_entity[sequences.rating_row].astype(np.int64)
        self._rating_key = owner * (len(self._times) + 1) + rank
        self._row_key = self._keys(
            sequences.row_entity.astype(np.int64), sequences.step, levels_of(before, self._rule.per_doubling)
        )

    def step(self, timestamp: Ints) -> Ints:
        """Computes the time steps int64[N] of times int64[N] in unix seconds."""
        return step_of(timestamp, self._metadata.cutoff, self._rule.granularity)

    def before(self, entity: Ints, timestamp: Ints) -> Ints:
        """Returns the index int64[N] of each entity's last training step that had ended, or -1 if there is none.

        Args:
          entity: int64[N], from 1; 0, the newbie, has no steps.
          timestamp: int64[N], unix seconds.

        Raises:
          ValueError: for an entity that the sequences do not have.
        """
        if len(entity) and not 0 <= entity.min() <= entity.max() < self._entities:
            bad = entity[(entity < 0) | (entity >= self._entities)][0]
            raise ValueError(f"{self._data.side.value} should be between 0 and {self._entities - 1}, received {bad}")
        level = np.zeros(len(entity), np.int64)
        if self._rule.per_doubling:
            wanted = entity * (len(self._times) + 1) + np.searchsorted(self._times, timestamp)
            first = self._data.rating_splits[self._data.row_splits[entity]]
            level = levels_of(np.searchsorted(self._rating_key, wanted) - first, self._rule.per_doubling)
        begin = self._data.row_splits[entity]
        ended = np.searchsorted(self._row_key, self._keys(entity, self.step(timestamp), level)) - begin
        ended = np.minimum(ended, self._data.training_rows[entity])
        return np.where(ended > 0, begin + ended - 1, -1)

    def _keys(self, entity: Ints, step: Ints, level: Ints) -> Ints:
        """Numbers the steps in order of entity, time step and level; a step that no entity has comes before the next.

        Doubling keeps places between the steps that there are.
        """
        place = np.searchsorted(self._steps, step) + np.searchsorted(self._steps, step, side="right")
        levels = len(level_thresholds(self._rule.per_doubling)) + 1
        return (entity * (2 * len(self._steps) + 1) + place) * levels + level
